/**
 * A bound on time that costs a timer. `Effect.timeout` costs two fibers and a race, which is more than all the rest
 * of the pipeline; here the effect stays in its caller's fiber, and the timer interrupts that one.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import type { Call } from "./call.js"
import { enter, locally } from "./call.js"

type Running = Fiber.RuntimeFiber<unknown, unknown>

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** Under another clock, a test's, it is that clock which has to drive the wait. */
const hasLiveClock = (fiber: Running): boolean => Context.get(fiber.currentDefaultServices, Clock.Clock) === liveClock

/**
 * Interrupting a fiber interrupts its children, and those that were there before are none of this effect's. Whether
 * there are any is known to the runtime only; where it does not tell, the answer is yes.
 */
const mayHaveChildren = (fiber: Running): boolean => {
  const children: unknown = Reflect.get(fiber, "_children")
  return children !== null && !(children instanceof Set && children.size === 0)
}

/** The longest wait that a timer of the platform can hold. */
const longestTimer = 2 ** 31 - 1

let timers = 0

/** Takes one interruptor's interruption off the fiber; tells whether it is still interrupted, by somebody else. */
const forgive = (mark: FiberId.FiberId): Effect.Effect<boolean> =>
  Effect.flatMap(FiberRef.get(FiberRef.interruptedCause), (cause) => {
    const others = HashSet.remove(Cause.interruptors(cause), mark)
    let left: Cause.Cause<never> = Cause.empty
    for (const id of others) left = Cause.sequential(left, Cause.interrupt(id))
    return Effect.as(FiberRef.set(FiberRef.interruptedCause, left), HashSet.size(others) > 0)
  })

/** After the timer has fired: what has come in spite of it counts, and so does an interruption of anybody else's. */
const overdue = <A, E, E2>(
  exit: Exit.Exit<A, E>,
  mark: FiberId.FiberId,
  onTimeout: () => E2
): Effect.Effect<A, E | E2> =>
  Effect.flatMap(forgive(mark), (interrupted): Effect.Effect<A, E | E2> => {
    const isOurs = Exit.isFailure(exit) && HashSet.has(Cause.interruptors(exit.cause), mark)
    return interrupted || !isOurs ? exit : Effect.fail(onTimeout())
  })

const byTimer = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  fiber: Running,
  ms: number,
  onTimeout: () => E2,
  call: Call | undefined
): Effect.Effect<A, E | E2, R> =>
  Effect.uninterruptibleMask((restore) => {
    let mark: FiberId.FiberId | undefined
    const timer = setTimeout(() => {
      // A name of its own for each timer: bounds nest, and each answers for itself only.
      mark = FiberId.runtime(-1 - timers++, 0)
      fiber.unsafeInterruptAsFork(mark)
    }, ms)
    const settle = (exit: Exit.Exit<A, E>): Effect.Effect<A, E | E2> => {
      clearTimeout(timer)
      if (outer !== undefined) enter(fiber, outer)
      return mark === undefined ? exit : overdue(exit, mark, onTimeout)
    }
    const outer = call === undefined ? undefined : enter(fiber, call)
    return Effect.matchCauseEffect(restore(effect), {
      onFailure: (cause) => settle(Exit.failCause(cause)),
      onSuccess: (value) => settle(Exit.succeed(value))
    })
  })

/**
 * Fails with `onTimeout` when an effect takes longer; the effect is interrupted then, and its finalizers are waited
 * for.
 *
 * @param call - what the effect is a part of, where that begins here.
 */
export const within = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Duration,
  onTimeout: () => E2,
  call?: Call
): Effect.Effect<A, E | E2, R> => {
  const ms = Duration.toMillis(duration)
  return Effect.withFiberRuntime((fiber) =>
    ms > longestTimer || !hasLiveClock(fiber) || mayHaveChildren(fiber)
      ? Effect.timeoutFail(call === undefined ? effect : locally(effect, call), { duration, onTimeout })
      : byTimer(effect, fiber, ms, onTimeout, call)
  )
}
