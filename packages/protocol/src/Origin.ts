/**
 * Origins of http and https URLs (RFC 6454): scheme, host and port, to which a credential is bound.
 *
 * @since 0.1.0
 */
import * as Url from "./internal/Url.js"

/**
 * Result of {@link of} for a URL without an http or https origin: the serialization of an opaque origin.
 *
 * Two opaque origins are never the same, although the strings are equal. Compare with {@link same}.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6454#section-6.1
 * @since 0.1.0
 * @category constants
 */
export const opaque = "null"

/**
 * Serializes the origin of an absolute http or https URL.
 *
 * Scheme and host are in lower case (IDNA names as Punycode, IP addresses in their shortest form). The port is left out if
 * it is the scheme's default. `api.test.` and `api.test` are two origins. Any other text gives {@link opaque}: another
 * scheme (`blob:`, `file:`, `unix:`), a relative reference, or an invalid URL.
 *
 * @param url an absolute URL, parsed as the WHATWG URL Standard says
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-4.3.1
 * @see https://www.rfc-editor.org/rfc/rfc6454#section-6
 * @since 0.1.0
 * @category conversions
 */
export const of = (url: string): string => {
  const parsed = Url.parse(url)
  // The parser reports the inner origin of `blob:https://a.test/…`, but a request to it does not have that origin.
  return parsed !== undefined && Url.isHttp(parsed) ? parsed.origin : opaque
}

/**
 * Whether two URLs have the same http or https origin. False if either has none.
 *
 * @example
 * import * as Origin from "@countersign/protocol/Origin"
 *
 * Origin.same("https://api.example.com/a", "https://api.example.com:443/b") // true
 *
 * @see https://www.rfc-editor.org/rfc/rfc6454#section-5
 * @since 0.1.0
 * @category predicates
 */
export const same = (a: string, b: string): boolean => {
  const origin = of(a)
  return origin !== opaque && origin === of(b)
}

const loopbackHosts: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

/**
 * Whether a host name is loopback, so that plain http does not leave the machine.
 *
 * @param hostname the `hostname` of a `URL`
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 * @since 0.1.0
 * @category predicates
 */
export const isLoopbackHost = (hostname: string): boolean => loopbackHosts.has(hostname)
