/** Runs code that is not of this package: transports, schemes, stores and services of the application. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
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
  const spanned = span === undefined ? effect : Effect.withParentSpan(effect, span)
  const at = timerAt(context)
  return at === Number.POSITIVE_INFINITY
    ? publish(spanned, context)
    : boundBy(publish(spanned, { ...context, enforced: deadline }), at, failTimeout(context))
}

/**
 * Runs an effect in a fiber of its own, and interrupts that fiber at `limit`, in milliseconds of the monotonic clock. Its
 * finalizers are waited for. The limit also applies to an uninterruptible caller.
 */
export const boundBy = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  limit: number,
  onTimeout: Effect.Effect<A, E2>
): Effect.Effect<A, E | E2, R> =>
  Effect.withFiberRuntime((fiber) => {
    const left = limit - unsafeMonotonicNow(fiber)
    if (left <= 0) return onTimeout
    if (left <= maxTimerMillis && hasLiveClock(fiber)) return byTimer(effect, left, onTimeout, fiber)
    return Effect.checkInterruptible((isInterruptible) =>
      isInterruptible ? byClock(effect, left, onTimeout) : byDaemon(effect, left, onTimeout)
    )
  })

const byClock = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  left: number,
  onTimeout: Effect.Effect<A, E2>
): Effect.Effect<A, E | E2, R> =>
  Effect.flatten(
    Effect.timeoutTo(Effect.exit(Effect.interruptible(effect)), {
      duration: left,
      onSuccess: (exit): Effect.Effect<A, E | E2> => exit,
      onTimeout: () => onTimeout
    })
  )

/** For an uninterruptible caller, such as a finalizer. `Effect.timeout` would run children, which its interruption ends. */
const byDaemon = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  left: number,
  onTimeout: Effect.Effect<A, E2>
): Effect.Effect<A, E | E2, R> =>
  Effect.gen(function* () {
    let isLate = false
    const running = yield* Effect.forkDaemon(Effect.interruptible(effect))
    const late = Effect.suspend(() => {
      isLate = true
      return Fiber.interruptFork(running)
    })
    const timer = yield* Effect.forkDaemon(Effect.interruptible(Effect.zipRight(Effect.sleep(left), late)))
    const exit = yield* Fiber.await(running)
    yield* Fiber.interruptFork(timer)
    return yield* isLate && Exit.isInterrupted(exit) ? onTimeout : Effect.zipRight(Fiber.inheritAll(running), exit)
  })

/**
 * `Effect.timeout` forks two fibers and races them. This forks one and sets a timer, or no timer if the effect ends at
 * once.
 */
const byTimer = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  left: number,
  onTimeout: Effect.Effect<A, E2>,
  parent: Running
): Effect.Effect<A, E | E2, R> =>
  Effect.async<A, E | E2>((resume) => {
    let isLate = false
    const child = Runtime.runFork(runtimeOf<R>(parent), effect)
    const inherit = (exit: Exit.Exit<A, E>) => Effect.zipRight(child.inheritAll, exit)
    const exit = child.unsafePoll()
    if (exit !== null) return resume(inherit(exit))
    const timer = setTimeout(() => {
      isLate = true
      child.unsafeInterruptAsFork(parent.id())
      // A timer drops the fraction of a millisecond.
    }, Math.ceil(left))
    child.addObserver((ended) => {
      clearTimeout(timer)
      // A result that arrives in spite of the interruption counts: a response holds a connection.
      resume(isLate && Exit.isInterrupted(ended) ? onTimeout : inherit(ended))
    })
    return Effect.suspend(() => {
      clearTimeout(timer)
      return Fiber.interrupt(child)
    })
  })

/** A runtime with the services and fiber refs of a running fiber. */
const runtimeOf = <R>(fiber: Running): Runtime.Runtime<R> =>
  Runtime.make({
    // The effect runs in place of this fiber. The context of the fiber has what the effect requires.
    context: fiber.currentContext as Context.Context<R>,
    runtimeFlags: Runtime.defaultRuntimeFlags,
    fiberRefs: fiber.getFiberRefs()
  })
