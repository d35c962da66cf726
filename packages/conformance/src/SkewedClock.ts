/** A clock with a constant skew. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** Runs an effect with a clock that is ahead of the real time by `ms`, or behind it if `ms` is negative. */
export const skewedBy =
  (ms: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.clockWith((clock) => {
      const unsafeCurrentTimeMillis = () => clock.unsafeCurrentTimeMillis() + ms
      const nanos = BigInt(ms) * 1_000_000n
      const unsafeCurrentTimeNanos = () => clock.unsafeCurrentTimeNanos() + nanos
      const moved: Clock.Clock = {
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis,
        unsafeCurrentTimeNanos,
        currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
        currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
        sleep: (duration) => clock.sleep(duration)
      }
      return Effect.withClock(effect, moved)
    })

/** What a machine's clock is off by when its time zone was set wrong. */
export const anHour: number = Duration.toMillis("1 hour")
