import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

type Running = Fiber.RuntimeFiber<unknown, unknown>

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

const clockOf = (fiber: Running): Clock.Clock => Context.get(fiber.currentDefaultServices, Clock.Clock)

/** Whether a fiber runs under the live clock. Under another clock, a test's, that clock has to drive each wait. */
export const hasLiveClock = (fiber: Running): boolean => clockOf(fiber) === liveClock

/** The wall clock of a fiber, in epoch milliseconds, without an effect of its own. For display, and for a server's dates. */
export const unsafeNow = (fiber: Running): number => clockOf(fiber).unsafeCurrentTimeMillis()

/** The same for an effect. One module has the clock: each import that is left to a bundle weighs a little. */
export const currentTimeMillis: Effect.Effect<number> = Clock.currentTimeMillis

/** To the microsecond: a double has no room for more, and equal times have to be equal numbers. */
const toMillis = (nanos: bigint): number => Number((nanos + 500n) / 1000n) / 1000

/** What `performance.now` lacks to the live clock: to ask it directly costs no bigint. */
let liveOffset: number | undefined

const liveMillis = (): number => {
  liveOffset ??= toMillis(liveClock.unsafeCurrentTimeNanos()) - performance.now()
  return liveOffset + performance.now()
}

/**
 * The monotonic clock of a fiber, in milliseconds, with fractions. Every delay and deadline is measured with it, so that a
 * wall clock that is moved changes none of them. Its zero is some instant: a value means nothing outside this process.
 */
export const unsafeMonotonicNow = (fiber: Running): number => {
  const clock = clockOf(fiber)
  return clock === liveClock ? liveMillis() : toMillis(clock.unsafeCurrentTimeNanos())
}

/** The same for an effect. */
export const monotonicMillis: Effect.Effect<number> = Effect.withFiberRuntime((fiber) =>
  Effect.succeed(unsafeMonotonicNow(fiber))
)
