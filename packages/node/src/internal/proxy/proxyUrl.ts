import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { isIP } from "node:net"

/** A proxy: its origin, and the credentials for it. */
export interface Proxy {
  readonly origin: string
  readonly hostname: string
  /** The value of `Proxy-Authorization`: RFC 9110 §11.7.2. */
  readonly authorization: Redacted.Redacted | undefined
  /** The variable or the option that names the proxy, for errors. */
  readonly setting: string
}

/** The value of `Proxy-Authorization` for a proxy, undefined where its URL has no credentials. */
export const proxyAuthorization = ({ authorization }: Proxy): string | undefined =>
  authorization === undefined ? undefined : Redacted.value(authorization)

/** The name in the proxy's certificate; empty for an address, which TLS does not send: RFC 6066 §3. */
export const serverNameOf = ({ hostname }: Proxy): string => (isIP(stripBrackets(hostname)) === 0 ? hostname : "")

/** A host of a URL as sockets use it. */
export const stripBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, "")

const exampleUrls = "Write it like http://proxy.example.com:3128 or http://user:password@proxy.example.com:3128."

/** RFC 7617 §2: a colon ends the user name. Throws for a percent sign that escapes nothing. */
const parseCredentials = ({ password, username }: URL): Either.Either<Redacted.Redacted | undefined, string> => {
  if (username === "" && password === "") return Either.right(undefined)
  const name = decodeURIComponent(username)
  if (name.includes(":")) return Either.left("the user name in the proxy's URL has a colon. Remove it.")
  const credentials = Buffer.from(`${name}:${decodeURIComponent(password)}`).toString("base64")
  return Either.right(Redacted.make(`Basic ${credentials}`))
}

/**
 * Parses the URL of a proxy, which `setting` names. Without a scheme it is `http:`. The problem is given without the URL, which may hold a
 * password.
 */
export const parseProxyUrl = (text: string, setting: string): Either.Either<Proxy, string> => {
  const trimmed = text.trim()
  const full = trimmed.includes("://") ? trimmed : `http://${trimmed}`
  if (!URL.canParse(full)) return Either.left(`the proxy's URL is not a URL. ${exampleUrls}`)
  const url = new URL(full)
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return Either.left(`the proxy's URL has the scheme "${url.protocol}", which is not supported. Use http: or https:.`)
  }
  try {
    const { hostname, origin } = url
    return Either.map(parseCredentials(url), (authorization) => ({
      origin,
      hostname,
      authorization,
      setting
    }))
  } catch {
    return Either.left(
      "the credentials in the proxy's URL have a percent sign that escapes nothing. Write a percent sign as %25."
    )
  }
}
