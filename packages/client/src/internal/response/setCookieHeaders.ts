import * as Cookies from "@effect/platform/Cookies"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"

/** See `Transport.rawSetCookie`, which is this. */
export const setCookieLines: unique symbol = Symbol.for("@countersign/client/Transport/setCookieLines")

/** What a transport says of its `Set-Cookie` fields, undefined for one that says nothing. */
export const toldBy = (response: HttpClientResponse): unknown =>
  setCookieLines in response ? response[setCookieLines] : undefined

/** The `Set-Cookie` fields of an answer; of a transport that does not tell them, what the platform has kept of them. */
export const setCookieLinesOf = (response: HttpClientResponse): ReadonlyArray<string> => {
  const told = toldBy(response)
  if (!Array.isArray(told)) return Cookies.toSetCookieHeaders(response.cookies)
  return told.filter((line) => typeof line === "string")
}
