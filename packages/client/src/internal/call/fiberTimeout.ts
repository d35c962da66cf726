/**
 * A bound on time that costs a timer. `Effect.timeout` costs two fibers and a race, which is more than all the rest
 * of the pipeline; here the effect stays in its caller's fiber, and the timer interrupts that one.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import type * as FiberStatus from "effect/FiberStatus"
import * as HashSet from "effect/HashSet"
import * as RuntimeFlags from "effect/RuntimeFlags"
import { hasLiveClock } from "../time/clock.js"
import type { Call } from "./context.js"
import { callOf, enter, leave, locally } from "./context.js"
import { Deadlines, Entry } from "./deadlineQueue.js"

type Running = Fiber.RuntimeFiber<unknown, unknown>

let marks = 0

/** A fiber that is to be interrupted, and what it has to put in order when its effect is over. */
class Interruption extends Entry {
  readonly #fiber: Running
  readonly #deadlines: Deadlines
  readonly #outer: Call
  readonly #begun: boolean
  /** The id of the interruption. Undefined until the timer interrupts the fiber. */
  #mark: FiberId.FiberId | undefined

  constructor(fiber: Running, deadlines: Deadlines, call: Call | undefined) {
    super()
    this.#fiber = fiber
    this.#deadlines = deadlines
    deadlines.add(this)
    this.#begun = call !== undefined
    this.#outer = call === undefined ? callOf(fiber) : enter(fiber, call)
  }

  override strike(): void {
    // A separate id for each, because bounds nest and each handles only its own interruption.
    this.#mark = FiberId.runtime(-1 - marks++, 0)
    this.#fiber.unsafeInterruptAsFork(this.#mark)
  }

  settle<A, E, T, E2>(exit: Exit.Exit<A, E>, late: (about: T) => E2, about: T): Effect.Effect<A, E | E2> {
    this.#deadlines.remove(this)
    // What was struck may have entered a part of the call and not have left it.
    if (this.#begun || this.#mark !== undefined) leave(this.#fiber, this.#outer)
    return this.#mark === undefined ? exit : overdue(exit, this.#mark, () => late(about))
  }
}

/**
 * Interrupting a fiber interrupts its children, and those that were there before are none of this effect's. Whether
 * there are any is known to the runtime only; where it does not tell, the answer is yes.
 */
const mayHaveChildren = (fiber: Running): boolean => {
  const children: unknown = Reflect.get(fiber, "_children")
  return children !== null && !(children instanceof Set && children.size === 0)
}

/** The longest wait that a timer of the platform can hold. */
export const longestTimer = 2 ** 31 - 1

/** A fiber that cannot be interrupted now (it acquires a resource, it releases one) is out of a timer's reach. */
const isOutOfReach = (fiber: Running, { runtimeFlags }: FiberStatus.Running): boolean =>
  !RuntimeFlags.interruptible(runtimeFlags) || !hasLiveClock(fiber) || mayHaveChildren(fiber)

/** Takes one interruptor's interruption off the fiber. Returns whether another interruption remains. */
const forgive = (mark: FiberId.FiberId): Effect.Effect<boolean> =>
  Effect.flatMap(FiberRef.get(FiberRef.interruptedCause), (cause) => {
    const others = HashSet.remove(Cause.interruptors(cause), mark)
    let left: Cause.Cause<never> = Cause.empty
    for (const id of others) left = Cause.sequential(left, Cause.interrupt(id))
    return Effect.as(FiberRef.set(FiberRef.interruptedCause, left), HashSet.size(others) > 0)
  })

/** After the timer has fired: a result that has come in spite of it counts, and so does any other interruption. */
const overdue = <A, E, E2>(
  exit: Exit.Exit<A, E>,
  mark: FiberId.FiberId,
  onTimeout: () => E2
): Effect.Effect<A, E | E2> =>
  Effect.flatMap(forgive(mark), (interrupted): Effect.Effect<A, E | E2> => {
    const isOurs = Exit.isFailure(exit) && HashSet.has(Cause.interruptors(exit.cause), mark)
    return interrupted || !isOurs ? exit : Effect.fail(onTimeout())
  })

const byTimer = <A, E, R, T, E2>(
  effect: Effect.Effect<A, E, R>,
  fiber: Running,
  deadlines: Deadlines,
  late: (about: T) => E2,
  about: T,
  call: Call | undefined
): Effect.Effect<A, E | E2, R> =>
  Effect.uninterruptibleMask((restore) => {
    const entry = new Interruption(fiber, deadlines, call)
    return Effect.matchCauseEffect(restore(effect), {
      onFailure: (cause) => entry.settle(Exit.failCause(cause), late, about),
      onSuccess: (value) => entry.settle(Exit.succeed(value), late, about)
    })
  })

/** A fiber of its own can be interrupted by the bound where its caller's cannot: the caller stays uninterrupted. */
const byRace = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Duration,
  onTimeout: () => E2,
  call: Call | undefined
): Effect.Effect<A, E | E2, R> =>
  Effect.timeoutFail(Effect.interruptible(call === undefined ? effect : locally(effect, call)), { duration, onTimeout })

/**
 * What {@link bound} gives: an effect that fails with what `late` makes of `about` when it takes longer. Two parameters,
 * because a closure over both would be held for as long as the effect takes.
 */
export type Bound = <A, E, R, T, E2>(
  effect: Effect.Effect<A, E, R>,
  late: (about: T) => E2,
  about: T,
  call?: (fiber: Running) => Call
) => Effect.Effect<A, E | E2, R>

/**
 * Makes a bound of a duration. What takes longer is interrupted, and its finalizers are waited for.
 *
 * Its last parameter is the call that the effect begins, where it does.
 */
export const bound = (duration: Duration.Duration): Bound => {
  const ms = Duration.toMillis(duration)
  const deadlines = new Deadlines(ms)
  return (effect, late, about, call) =>
    Effect.withFiberRuntime((fiber, status) =>
      ms > longestTimer || isOutOfReach(fiber, status)
        ? byRace(effect, duration, () => late(about), call?.(fiber))
        : byTimer(effect, fiber, deadlines, late, about, call?.(fiber))
    )
}
