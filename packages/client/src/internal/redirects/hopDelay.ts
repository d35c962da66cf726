/** Delay before the next hop of a redirect, if the server asks for one (RFC 9110 §10.2.3). */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { RateLimited } from "../../Errors.js"
import type { CallContext } from "../call/context.js"
import { remainingMillis } from "../call/context.js"
import { withResponse } from "../errors/errorResponse.js"
import { drain } from "../response/readBody.js"
import { retryHintOf, retryAfterHeaderMs } from "../response/retryAfter.js"
import { exchangeInfoOf } from "../response/statusError.js"
import { currentTimeMillis, monotonicMillis } from "../time/clock.js"
import { sleep } from "../time/sleep.js"

const noDelay = Effect.succeed(0)

const waitRejectedError = (response: HttpClientResponse, now: number): RateLimited =>
  withResponse(new RateLimited({ ...exchangeInfoOf(response), ...retryHintOf(response, now) }), response)

/**
 * The delay before the next hop, in milliseconds. Fails with `RateLimited` if it is longer than `maxDelayMs`, or not
 * shorter than the time until the call's deadline.
 */
export const hopDelay = (
  response: HttpClientResponse,
  maxDelayMs: number,
  context: CallContext
): Effect.Effect<number, RateLimited> => {
  const { "retry-after": retryAfter, "retry-after-ms": retryAfterMs } = response.headers
  if (retryAfter === undefined && retryAfterMs === undefined) return noDelay
  return Effect.flatMap(currentTimeMillis, (now) => {
    const ms = retryAfterHeaderMs(response, now) ?? 0
    return ms > maxDelayMs || (ms > 0 && ms >= remainingMillis(context))
      ? Effect.fail(waitRejectedError(response, now))
      : Effect.succeed(ms)
  })
}

/** Waits, and drains the response meanwhile. The time for that is part of the wait. */
export const drainAndWait = (response: HttpClientResponse, ms: number, context: CallContext): Effect.Effect<void> => {
  const drained = drain(response, remainingMillis(context))
  return ms === 0
    ? drained
    : Effect.flatMap(monotonicMillis, (since) =>
        drained.pipe(
          Effect.zipRight(monotonicMillis),
          Effect.flatMap((now) => sleep(since + ms - now))
        )
      )
}
