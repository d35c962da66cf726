/** Runs code that is not of this package: transports, schemes, stores and services of the application. For Effect 4. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { hasLiveClock, unsafeMonotonicNow } from "../time/clock.js"
import { maxTimerMillis } from "../time/sleep.js"
import type { CallContext, Running } from "./context.js"
import { failTimeout, publish, timerAt } from "./context.js"

/**
 * Runs an effect that may not know the deadline of the call. It finds the context of the call in its fiber, and is
 * interrupted at the deadline. An effect that is already an exit costs nothing.
 */
export const runExternal = <A, E, R>(effect: Effect.Effect<A, E, R>, context: CallContext): Effect.Effect<A, E, R> => {
  if (Exit.isExit(effect)) return effect
  const { deadline, span } = context
  const spanned: Effect.Effect<A, E, R> = span === undefined ? effect : withSpan(effect, span)
  const at = timerAt(context)
  return at === Number.POSITIVE_INFINITY
    ? publish(spanned, context)
    : boundBy(publish(spanned, { ...context, enforced: deadline }), at, failTimeout(context))
}

/** The effect has the span as its parent, and no other requirement less. */
const withSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  span: NonNullable<CallContext["span"]>
): Effect.Effect<A, E, R> =>
  // Providing a service removes it from the requirements, if it is there.
  Effect.withParentSpan(effect, span) as Effect.Effect<A, E, R>

/**
 * Runs an effect in a fiber of its own, and interrupts that fiber at `limit`, in milliseconds of the monotonic clock. Its
 * finalizers are waited for. The limit also applies to an uninterruptible caller.
 */
export const boundBy = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  limit: number,
  onTimeout: Effect.Effect<A, E2>
): Effect.Effect<A, E | E2, R> =>
  Effect.withFiber((fiber) => {
    const left = limit - unsafeMonotonicNow(fiber)
    if (left <= 0) return onTimeout
    return left <= maxTimerMillis && hasLiveClock(fiber)
      ? byTimer(effect, left, onTimeout, fiber)
      : byClock(effect, left, onTimeout)
  })

/** With a clock of the application, a second fiber waits. */
const byClock = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  left: number,
  onTimeout: Effect.Effect<A, E2>
): Effect.Effect<A, E | E2, R> =>
  Effect.gen(function* () {
    let isLate = false
    const running = yield* Effect.forkDetach(Effect.interruptible(effect))
    const late = Effect.sync(() => {
      isLate = true
      running.interruptUnsafe()
    })
    const timer = yield* Effect.forkDetach(Effect.interruptible(Effect.andThen(Effect.sleep(left), late)))
    const exit = yield* Effect.onInterrupt(Fiber.await(running), () => Fiber.interrupt(running))
    timer.interruptUnsafe()
    return yield* isLate && Exit.hasInterrupts(exit) ? onTimeout : exit
  })

/** `Effect.timeout` forks two fibers and races them. This forks one and sets a timer, or no timer if it ends at once. */
const byTimer = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  left: number,
  onTimeout: Effect.Effect<A, E2>,
  parent: Running
): Effect.Effect<A, E | E2, R> =>
  Effect.callback<A, E | E2>((resume) => {
    let isLate = false
    // The effect runs in place of this fiber. The context of the fiber has what the effect requires.
    const child = Effect.runForkWith(parent.context as Context.Context<R>)(effect)
    const exit = child.pollUnsafe()
    if (exit !== undefined) return resume(exit)
    const timer = setTimeout(() => {
      isLate = true
      child.interruptUnsafe(parent.id)
      // A timer drops the fraction of a millisecond.
    }, Math.ceil(left))
    child.addObserver((ended) => {
      clearTimeout(timer)
      // A result that arrives in spite of the interruption counts: a response holds a connection.
      resume(isLate && Exit.hasInterrupts(ended) ? onTimeout : ended)
    })
    return Effect.suspend(() => {
      clearTimeout(timer)
      return Fiber.interrupt(child)
    })
  })
