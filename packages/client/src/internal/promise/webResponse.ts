/** Responses for code without Effect: the `Response` of the Fetch standard. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { setCookieHeadersOf } from "../response/fieldValues.js"

/** Statuses of responses without a body (Fetch §2.2.3). `Response` rejects one for them. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

/** Whether a response with this status has no body. */
export const isBodiless = (status: number): boolean => bodiless.has(status)

/**
 * The header fields of a `Response`.
 *
 * @param setCookies - the `Set-Cookie` fields, which the platform joins or drops. `getSetCookie` gives one text for each.
 */
export const webHeaders = (fields: Readonly<Record<string, string>>, setCookies: ReadonlyArray<string>): Headers => {
  const headers = new Headers(Object.entries(fields).filter(([name]) => name !== "set-cookie"))
  for (const line of setCookies) headers.append("set-cookie", line)
  return headers
}

/** Converts a response of a verb, which has its body in memory. A body that cannot be read is a defect. */
export const toWebResponse = (response: HttpClientResponse): Effect.Effect<Response> =>
  Effect.map(Effect.orDie(response.arrayBuffer), (body) => {
    const { headers, status } = response
    const init = { status, headers: webHeaders(headers, setCookieHeadersOf(response)) }
    return new Response(isBodiless(status) ? null : body, init)
  })
