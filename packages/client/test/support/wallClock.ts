import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** The test clock, and a clock with an adjustable wall time. `TestClock.setTime` sets the monotonic clock too. */
export const adjustableClock = Effect.map(Clock.clockWith(Effect.succeed), (clock) => {
  const wallOffset = { ms: 0 }
  const unsafeCurrentTimeMillis = () => clock.unsafeCurrentTimeMillis() + wallOffset.ms
  const wall: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    sleep: (duration) => clock.sleep(duration),
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: clock.currentTimeNanos
  }
  return { wallOffset, wall, elapsed: () => clock.unsafeCurrentTimeMillis() }
})
