/** A fast clock for cases that would take minutes. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** Clock seconds per real second. With more, requests on a busy machine would exceed their timeout. */
const factor = 10

/** Runs an effect with a fast clock. Its sleeps are shorter by the same factor. */
export const fastForward = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => {
    const start = clock.unsafeCurrentTimeMillis()
    const startNanos = clock.unsafeCurrentTimeNanos()
    const unsafeCurrentTimeMillis = () => start + (clock.unsafeCurrentTimeMillis() - start) * factor
    const unsafeCurrentTimeNanos = () => startNanos + (clock.unsafeCurrentTimeNanos() - startNanos) * BigInt(factor)
    const fast: Clock.Clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis,
      unsafeCurrentTimeNanos,
      currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
      currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
      sleep: (duration) => clock.sleep(Duration.times(duration, 1 / factor))
    }
    return Effect.withClock(effect, fast)
  })
