/**
 * The origin of an http or https URL: scheme, host and port, which is what a credential is bound to.
 *
 * @since 0.1.0
 */
import * as Url from "./internal/Url.js"

/**
 * What {@link of} answers for a URL that has no http or https origin: the serialisation of an opaque origin.
 *
 * Two of them are not the same origin, although they are the same string: compare with {@link same}.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6454#section-6.1
 * @since 0.1.0
 * @category constants
 */
export const opaque = "null"

/**
 * The serialised origin of an absolute http or https URL: lower-case scheme and host (IDNA names as Punycode, IP
 * addresses in their shortest form), and the port unless it is the scheme's default. Path, query, fragment and userinfo
 * do not count. `api.test.` and `api.test` are two origins.
 *
 * Anything else, be it another scheme (`blob:`, `file:`, `unix:`), a relative reference or no URL at all, gives
 * {@link opaque}.
 *
 * @param url an absolute URL, read as the WHATWG URL Standard does
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-4.3.1
 * @see https://www.rfc-editor.org/rfc/rfc6454#section-6
 * @since 0.1.0
 * @category conversions
 */
export const of = (url: string): string => {
  const parsed = Url.parse(url)
  // `blob:https://a.test/…` would report the origin inside it, which a request to it does not have.
  return parsed !== undefined && Url.isHttp(parsed) ? parsed.origin : opaque
}

/**
 * Whether two URLs have the same http or https origin. False when either has none: two URLs that cannot be read are
 * never the same origin.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6454#section-5
 * @since 0.1.0
 * @category predicates
 */
export const same = (a: string, b: string): boolean => {
  const origin = of(a)
  return origin !== opaque && origin === of(b)
}
