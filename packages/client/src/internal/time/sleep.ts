import * as Effect from "effect/Effect"
import { monotonicMillis } from "./clock.js"

/** The longest wait that a timer of the platform can hold: a longer one fires at once, or never. */
const maxTimerMillis = 2 ** 31 - 1

/** What sums of milliseconds may be off by. */
const roundingTolerance = 0.001

/** Sleeps until an instant of the monotonic clock. Timers may be early by a part of a millisecond, so it looks again. */
const sleepUntil = (instant: number): Effect.Effect<void> =>
  Effect.flatMap(monotonicMillis, (now) => {
    const left = instant - now
    if (left <= roundingTolerance) return Effect.void
    return Effect.zipRight(
      Effect.sleep(Math.min(Math.ceil(left - roundingTolerance), maxTimerMillis)),
      sleepUntil(instant)
    )
  })

/** Sleeps for `ms` milliseconds, rounded up: a server that asked for a second is not sent a request after 999 ms. */
export const sleep = (ms: number): Effect.Effect<void> =>
  ms <= 0 ? Effect.yieldNow() : Effect.flatMap(monotonicMillis, (now) => sleepUntil(now + ms))
