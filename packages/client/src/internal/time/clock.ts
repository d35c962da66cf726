import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Running } from "../runtime/fiber.js"
import { clockOf, liveClock } from "../runtime/fiber.js"

/** Whether a fiber runs with the live clock. With another clock, such as a test's, that clock must drive every wait. */
export const hasLiveClock = (fiber: Running): boolean => clockOf(fiber) === liveClock

/**
 * Wall clock of a fiber, in epoch milliseconds, without an effect. Use it for display and for dates of a server only.
 */
export const unsafeNow = (fiber: Running): number => clockOf(fiber).unsafeCurrentTimeMillis()

/**
 * Wall clock in epoch milliseconds, as an effect. It is exported here so that other modules need not import `Clock`,
 * which keeps bundles small.
 */
export const currentTimeMillis: Effect.Effect<number> = Clock.currentTimeMillis

/** Rounds to microseconds. A double has no more precision, and equal times must be equal numbers. */
const toMillis = (nanos: bigint): number => Number((nanos + 500n) / 1000n) / 1000

/** Difference between the live clock and `performance.now`. Reading `performance.now` avoids a bigint. */
let liveOffset: number | undefined

const liveMillis = (): number => {
  liveOffset ??= toMillis(liveClock.unsafeCurrentTimeNanos()) - performance.now()
  return liveOffset + performance.now()
}

/**
 * Monotonic clock of a fiber, in milliseconds with fractions. All delays and deadlines use it, so that a change of the
 * wall clock does not affect them. Its zero is arbitrary: a value has no meaning outside this process.
 */
export const unsafeMonotonicNow = (fiber: Running): number => {
  const clock = clockOf(fiber)
  return clock === liveClock ? liveMillis() : toMillis(clock.unsafeCurrentTimeNanos())
}

/** Monotonic clock in milliseconds, as an effect. See {@link unsafeMonotonicNow}. */
export const monotonicMillis: Effect.Effect<number> = Effect.withFiberRuntime((fiber) =>
  Effect.succeed(unsafeMonotonicNow(fiber))
)
