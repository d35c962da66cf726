import * as Cookies from "@effect/platform/Cookies"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"

/** See `Transport.rawSetCookie`. */
export const rawSetCookie: unique symbol = Symbol.for("@countersign/client/Transport/rawSetCookie")

/** The raw `Set-Cookie` fields of a response. Undefined if the transport does not provide them. */
export const rawSetCookieOf = (response: HttpClientResponse): unknown =>
  rawSetCookie in response ? response[rawSetCookie] : undefined

/**
 * The `Set-Cookie` fields of a response. If the transport does not provide them, they are made from the platform's
 * cookies.
 */
export const setCookieHeadersOf = (response: HttpClientResponse): ReadonlyArray<string> => {
  const raw = rawSetCookieOf(response)
  if (!Array.isArray(raw)) return Cookies.toSetCookieHeaders(response.cookies)
  return raw.filter((line) => typeof line === "string")
}
