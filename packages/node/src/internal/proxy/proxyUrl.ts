import * as Either from "effect/Either"
import { isIP } from "node:net"
import { ProxyCredentials } from "./proxyCredentials.js"

/** A proxy: its origin, and the credentials for it. */
export interface Proxy {
  readonly origin: string
  readonly hostname: string
  /** Undefined if the proxy's URL has none. */
  readonly credentials: ProxyCredentials | undefined
  /** The name of the variable or option of the proxy, for errors. */
  readonly setting: string
}

/** The server name for TLS. Empty for an IP address, which TLS does not send: RFC 6066 §3. */
export const serverNameOf = ({ hostname }: Proxy): string => (isIP(stripBrackets(hostname)) === 0 ? hostname : "")

/** A URL's host as sockets use it, without brackets. */
export const stripBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, "")

const exampleUrls = "Use a URL like http://proxy.example.com:3128 or http://user:password@proxy.example.com:3128."

/** Parses the credentials. A user name has no colon (RFC 7617 §2). Throws for an invalid percent-encoding. */
const parseCredentials = ({ password, username }: URL): Either.Either<ProxyCredentials | undefined, string> => {
  if (username === "" && password === "") return Either.right(undefined)
  const name = decodeURIComponent(username)
  if (name.includes(":")) return Either.left("the user name in the proxy's URL contains a colon. Remove the colon.")
  return Either.right(new ProxyCredentials(name, decodeURIComponent(password)))
}

/**
 * Parses the URL of a proxy. `setting` is its variable or option. The default scheme is `http:`. The problem does not
 * contain the URL, which may have a password.
 */
export const parseProxyUrl = (text: string, setting: string): Either.Either<Proxy, string> => {
  const trimmed = text.trim()
  const full = trimmed.includes("://") ? trimmed : `http://${trimmed}`
  if (!URL.canParse(full)) return Either.left(`the proxy's URL is invalid. ${exampleUrls}`)
  const url = new URL(full)
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return Either.left(`the proxy's URL has the scheme "${url.protocol}", which is not supported. Use http: or https:.`)
  }
  try {
    const { hostname, origin } = url
    return Either.map(parseCredentials(url), (credentials) => ({
      origin,
      hostname,
      credentials,
      setting
    }))
  } catch {
    return Either.left(
      "the credentials in the proxy's URL have an invalid percent-encoding. Write a percent sign as %25."
    )
  }
}
