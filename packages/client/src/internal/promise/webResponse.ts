/** Responses for code without Effect: the `Response` of the Fetch standard. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { setCookieHeadersOf } from "../response/setCookieHeaders.js"

/** Statuses of responses without a body (Fetch §2.2.3). `Response` rejects one for them. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

/** Converts a response of a verb, which has its body in memory. A body that cannot be read is a defect. */
export const toWebResponse = (response: HttpClientResponse): Effect.Effect<Response> =>
  Effect.map(Effect.orDie(response.arrayBuffer), (body) => {
    const { headers: fields, status } = response
    const headers = new Headers(Object.entries(fields).filter(([name]) => name !== "set-cookie"))
    // The platform joins or drops these fields. `getSetCookie` gives one text for each.
    for (const line of setCookieHeadersOf(response)) headers.append("set-cookie", line)
    return new Response(bodiless.has(status) ? null : body, { status, headers })
  })
