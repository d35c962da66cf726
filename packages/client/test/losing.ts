/**
 * Fibers that are lost, as on a runtime that binds timers and I/O to a request: no timer of the fiber fires any more, no
 * answer arrives, and no finalizer runs. Its clock still shows the time.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** A clock that also shows the time during which the process has computed, so that no timer has fired. */
const skipping = (clock: Clock.Clock, skipped: () => number): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + skipped()),
  currentTimeNanos: Effect.map(clock.currentTimeNanos, (now) => now + BigInt(skipped() * 1_000_000)),
  unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + skipped(),
  unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos() + BigInt(skipped() * 1_000_000),
  sleep: (duration) => clock.sleep(duration)
})

/** A process that may compute for a time: `run` provides its clock to an effect. */
export const computing = Effect.clockWith((clock) => {
  let skipped = 0
  const own = skipping(clock, () => skipped)
  return Effect.succeed({
    compute: (ms: number) => Effect.sync(() => void (skipped += ms)),
    run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.withClock(effect, own)
  })
})

const withoutTimers = (clock: Clock.Clock): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  currentTimeMillis: clock.currentTimeMillis,
  currentTimeNanos: clock.currentTimeNanos,
  unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
  unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
  sleep: () => Effect.never
})

/** Starts an effect in a fiber that is lost as soon as it waits. Nothing interrupts it when the test ends. */
export const forkLost = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R> =>
  Effect.clockWith((clock) => Effect.forkDaemon(Effect.withClock(effect, withoutTimers(clock))))
