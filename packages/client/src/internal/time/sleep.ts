import * as Effect from "effect/Effect"
import { monotonicMillis } from "./clock.js"

/** Maximum delay of a platform timer. A timer with a longer delay fires immediately or never. */
export const maxTimerMillis = 2 ** 31 - 1

/** Rounding error of a sum of milliseconds. */
const roundingTolerance = 0.001

/** The delay of one timer for a wait, in whole milliseconds. */
export const timerMillis = (ms: number): number =>
  Math.min(Math.max(0, Math.ceil(ms - roundingTolerance)), maxTimerMillis)

/**
 * Sleeps until a time of the monotonic clock. A timer may fire a fraction of a millisecond early, so the clock is
 * checked again.
 */
export const sleepUntil = (instant: number): Effect.Effect<void> =>
  Effect.flatMap(monotonicMillis, (now) => {
    const left = instant - now
    if (left <= roundingTolerance) return Effect.void
    return Effect.zipRight(Effect.sleep(timerMillis(left)), sleepUntil(instant))
  })

/** Sleeps for `ms` milliseconds, rounded up. After `Retry-After: 1` no request is sent at 999 ms. */
export const sleep = (ms: number): Effect.Effect<void> =>
  ms <= 0 ? Effect.yieldNow() : Effect.flatMap(monotonicMillis, (now) => sleepUntil(now + ms))
