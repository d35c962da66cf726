import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { noProxy } from "./noProxy.js"

/** A proxy: where it is, and how it knows us. */
export interface Proxy {
  readonly origin: string
  readonly hostname: string
  /** The value of `Proxy-Authorization`: RFC 9110 §11.7.2. */
  readonly authorization: Redacted.Redacted | undefined
}

/** Which proxy a URL's scheme has, and which hosts have none. */
export interface Proxies {
  readonly http: Proxy | undefined
  readonly https: Proxy | undefined
  readonly bypasses: (host: string, port: string) => boolean
}

const authorizationOf = ({ password, username }: URL): Redacted.Redacted | undefined => {
  if (username === "") return undefined
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return Redacted.make(`Basic ${Buffer.from(credentials).toString("base64")}`)
}

// What is wrong is said without the value, which may hold a password.
const invalid = (detail: string) => Either.left(ConfigError.InvalidData([], `a proxy's URL: ${detail}`))

const parse = (redacted: Redacted.Redacted): Either.Either<Option.Option<Proxy>, ConfigError.ConfigError> => {
  const text = Redacted.value(redacted).trim()
  if (text === "") return Either.right(Option.none())
  const full = text.includes("://") ? text : `http://${text}`
  if (!URL.canParse(full)) return invalid("it is none")
  const url = new URL(full)
  if (url.protocol !== "http:" && url.protocol !== "https:") return invalid("neither http: nor https:")
  try {
    const { hostname, origin } = url
    return Either.right(Option.some({ origin, hostname, authorization: authorizationOf(url) }))
  } catch {
    return invalid("a percent sign in its credentials escapes nothing")
  }
}

/** Both ways of writing the name are in use; the lower-case one goes first, as with curl. */
const either = (name: string): Config.Config<Redacted.Redacted> =>
  Config.redacted(name.toLowerCase()).pipe(Config.orElse(() => Config.redacted(name)))

const proxy = (name: string): Config.Config<Proxy | undefined> =>
  either(name).pipe(Config.mapOrFail(parse), Config.withDefault(Option.none()), Config.map(Option.getOrUndefined))

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in capitals or not. */
export const proxyEnv: Config.Config<Proxies> = Config.all({
  http: proxy("HTTP_PROXY"),
  https: proxy("HTTPS_PROXY"),
  bypasses: either("NO_PROXY").pipe(
    Config.withDefault(Redacted.make("")),
    Config.map((list) => noProxy(Redacted.value(list)))
  )
})
