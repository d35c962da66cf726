import * as Effect from "effect/Effect"
import { currentTimeMillis } from "./now.js"

/** The longest wait that a timer of the platform can hold: a longer one fires at once, or never. */
const longestTimer = 2 ** 31 - 1

/** Sleeps until an instant (epoch milliseconds), however far it is. */
const sleepUntil = (instant: number): Effect.Effect<void> =>
  Effect.flatMap(currentTimeMillis, (now) => {
    const left = Math.ceil(instant - now)
    if (left <= 0) return Effect.void
    if (left <= longestTimer) return Effect.sleep(left)
    return Effect.zipRight(Effect.sleep(longestTimer), sleepUntil(instant))
  })

/** Sleeps for `ms` milliseconds, rounded up: a server that asked for a second is not asked again after 999 ms. */
export const sleep = (ms: number): Effect.Effect<void> =>
  ms <= 0 ? Effect.yieldNow() : Effect.flatMap(currentTimeMillis, (now) => sleepUntil(now + ms))
