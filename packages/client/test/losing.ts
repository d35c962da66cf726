/**
 * Fibers that are lost, as on a runtime that binds timers and I/O to a request: no timer of the fiber fires any more, no
 * answer arrives, and no finalizer runs. Its clock still shows the time.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

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
