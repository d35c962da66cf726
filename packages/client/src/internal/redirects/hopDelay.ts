/** The wait before a redirect's next hop, where the server asks for one (RFC 9110 §10.2.3). */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { RateLimited } from "../../Errors.js"
import { remaining } from "../../Timeout.js"
import { withResponse } from "../errors/errorResponse.js"
import { release } from "../response/readBody.js"
import { comeBackOf, saidWait } from "../response/retryAfter.js"
import { exchangeOf } from "../response/statusError.js"
import { currentTimeMillis, monotonicMillis } from "../time/clock.js"
import { sleep } from "../time/sleep.js"

const none = Effect.succeed(0)

const tooLong = (response: HttpClientResponse, now: number): RateLimited =>
  withResponse(new RateLimited({ ...exchangeOf(response), ...comeBackOf(response, now) }), response)

/**
 * How long to wait before the next hop, in milliseconds. Fails with `RateLimited` where that is longer than `longest`, or
 * than the time that the call has left.
 */
export const hopWait = (response: HttpClientResponse, longest: number): Effect.Effect<number, RateLimited> => {
  const { "retry-after": said, "retry-after-ms": saidMs } = response.headers
  if (said === undefined && saidMs === undefined) return none
  return Effect.flatMap(Effect.zip(currentTimeMillis, remaining), ([now, left]) => {
    const ms = saidWait(response, now) ?? 0
    return ms > longest || (ms > 0 && ms >= left) ? Effect.fail(tooLong(response, now)) : Effect.succeed(ms)
  })
}

/** Waits, and lets go of the response meanwhile: what that takes is a part of the wait. */
export const releaseAndWait = (response: HttpClientResponse, ms: number): Effect.Effect<void> =>
  ms === 0
    ? release(response)
    : Effect.flatMap(monotonicMillis, (since) =>
        release(response).pipe(
          Effect.zipRight(monotonicMillis),
          Effect.flatMap((now) => sleep(since + ms - now))
        )
      )
