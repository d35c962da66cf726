/** A clock that runs fast, for what would take minutes. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** How many seconds pass in one. More of them, and a busy machine has a request take longer than its time-out. */
const factor = 10

/** Has an effect see a clock that runs fast, and sleep as much shorter. */
export const hurried = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
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
