import * as Cookies from "@effect/platform/Cookies"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"

/** See `Transport.rawSetCookie`, which is this. */
export const rawSetCookie: unique symbol = Symbol.for("@countersign/client/Transport/setCookieLines")

/** What a transport says of its `Set-Cookie` fields, undefined for one that says nothing. */
export const rawSetCookieOf = (response: HttpClientResponse): unknown =>
  rawSetCookie in response ? response[rawSetCookie] : undefined

/** The `Set-Cookie` fields of an answer; of a transport that does not tell them, what the platform has kept of them. */
export const setCookieHeadersOf = (response: HttpClientResponse): ReadonlyArray<string> => {
  const raw = rawSetCookieOf(response)
  if (!Array.isArray(raw)) return Cookies.toSetCookieHeaders(response.cookies)
  return raw.filter((line) => typeof line === "string")
}
