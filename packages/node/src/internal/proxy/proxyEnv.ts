import * as ConfigOptions from "@countersign/client/ConfigOptions"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { IsBypassed } from "./noProxy.js"
import { parseNoProxy } from "./noProxy.js"
import type { Proxy } from "./proxyUrl.js"
import { parseProxyUrl } from "./proxyUrl.js"

/** The proxy for each URL scheme, and the hosts that bypass them. */
export interface Proxies {
  readonly http: Proxy | undefined
  readonly https: Proxy | undefined
  readonly isBypassed: IsBypassed
}

/** A variable that is set, and its name for errors. */
interface Variable {
  readonly name: string
  readonly text: Redacted.Redacted
}

type Read<A> = Effect.Effect<A, ConfigError.ConfigError>

/** Reads the first of several variables that is set, even if it is empty. */
const readFirst = (names: ReadonlyArray<string>): Read<Variable | undefined> =>
  Effect.gen(function* () {
    for (const name of names) {
      const text = yield* Config.option(Config.redacted(name))
      if (Option.isSome(text)) return { name, text: text.value }
    }
    return undefined
  })

const parseWith =
  <A>(parse: (text: string, name: string) => Either.Either<A, string>) =>
  ({ name, text }: Variable): Read<A> =>
    Effect.mapError(parse(Redacted.value(text), name), (problem) => ConfigOptions.invalid([name], problem))

const parseProxy = parseWith(parseProxyUrl)
const parseBypasses = parseWith(parseNoProxy)

const readProxy = (names: ReadonlyArray<string>): Read<Proxy | undefined> =>
  Effect.flatMap(readFirst(names), (found) =>
    found === undefined || Redacted.value(found.text).trim() === "" ? Effect.succeed(undefined) : parseProxy(found)
  )

/**
 * The variables for http. In a CGI program, `HTTP_PROXY` contains the `Proxy` field of the request, so any client could
 * choose the proxy (httpoxy, CVE-2016-5385). On Windows both spellings are one variable.
 */
const httpVariables = (isCgi: boolean): ReadonlyArray<string> => {
  if (!isCgi) return ["http_proxy", "HTTP_PROXY"]
  return process.platform === "win32" ? [] : ["http_proxy"]
}

/** `REQUEST_METHOD` is set in every CGI program: RFC 3875 §4.1.12. */
const isCgi: Read<boolean> = Effect.map(Config.option(Config.string("REQUEST_METHOD")), Option.isSome)

const allProxyVariables = ["all_proxy", "ALL_PROXY"]

/**
 * Reads the proxies of the environment. The first variable that is set counts. An empty value means no proxy.
 *
 * - http: `http_proxy`, `HTTP_PROXY` (not in a CGI program), `all_proxy`, `ALL_PROXY`
 * - https: `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY`
 * - hosts that bypass the proxies: `no_proxy`, `NO_PROXY`
 */
export const readProxyEnv: Read<Proxies> = Effect.gen(function* () {
  const noProxy = yield* readFirst(["no_proxy", "NO_PROXY"])
  return {
    http: yield* readProxy([...httpVariables(yield* isCgi), ...allProxyVariables]),
    https: yield* readProxy(["https_proxy", "HTTPS_PROXY", ...allProxyVariables]),
    isBypassed: noProxy === undefined ? () => false : yield* parseBypasses(noProxy)
  }
})
