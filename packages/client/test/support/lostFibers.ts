/**
 * | Lost fibers, as on a runtime that binds timers and I/O to a request: timers of the fiber never fire, no response
 * arrives and no finalizer runs. Its clock still shows the time.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** A clock that is ahead by the time during which the process was busy and no timer fired. */
const clockWithOffset = (clock: Clock.Clock, offsetMs: () => number): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + offsetMs()),
  currentTimeNanos: Effect.map(clock.currentTimeNanos, (now) => now + BigInt(offsetMs() * 1_000_000)),
  unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + offsetMs(),
  unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos() + BigInt(offsetMs() * 1_000_000),
  sleep: (duration) => clock.sleep(duration)
})

/** A process that can be busy for a time. `run` provides its clock to an effect. */
export const makeBusyProcess = Effect.clockWith((clock) => {
  let offsetMs = 0
  const shifted = clockWithOffset(clock, () => offsetMs)
  return Effect.succeed({
    compute: (ms: number) => Effect.sync(() => void (offsetMs += ms)),
    run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.withClock(effect, shifted)
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

/** Starts an effect in a fiber that is lost when it first waits. Nothing interrupts it when the test ends. */
export const forkLost = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R> =>
  Effect.clockWith((clock) => Effect.forkDaemon(Effect.withClock(effect, withoutTimers(clock))))
