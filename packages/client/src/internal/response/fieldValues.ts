import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cookies from "@effect/platform/Cookies"

/** See `Transport.fieldValues`. */
export const fieldValues: unique symbol = Symbol.for("@countersign/client/Transport/fieldValues")

/** A response that can return the values of a repeated field separately. */
interface WithFieldValues {
  readonly [fieldValues]?: (name: string) => unknown
}

/** The values of a field, one per field line. Undefined if the transport does not separate them. */
export const rawFieldValues = (
  response: HttpClientResponse & WithFieldValues,
  name: string
): ReadonlyArray<string> | undefined => {
  const values = response[fieldValues]?.(name)
  return Array.isArray(values) ? values.filter((value) => typeof value === "string") : undefined
}

/** The values of a field. If the transport does not separate them, the one joined value. */
export const fieldValuesOf = (response: HttpClientResponse & WithFieldValues, name: string): ReadonlyArray<string> => {
  const joined = response.headers[name]
  return rawFieldValues(response, name) ?? (joined === undefined ? [] : [joined])
}

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
