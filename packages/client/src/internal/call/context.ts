import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as Option from "effect/Option"

/** A fiber that is running. */
export type Running = Fiber.RuntimeFiber<unknown, unknown>

/** What the policies of one call know of each other. */
export interface Call {
  /** When it has to be over, in milliseconds of the monotonic clock. */
  readonly deadline: number
  /** Whether a retry is at work: one further in leaves it to that one. */
  readonly retrying: boolean
  /** What all parts of the call share. */
  readonly shared: Shared
}

/** What changes in the course of a call. */
export interface Shared {
  /** How many sends there were, retries, replays and redirects included. */
  sends: number
  /** Whether it was left: a fiber that was forked in it and lives on is in it no more. */
  over: boolean
  /** What it was begun in. */
  readonly within: Call | undefined
}

const sharedIn = (within: Call | undefined): Shared => ({ sends: 0, over: false, within })

const outside: Call = { deadline: Number.POSITIVE_INFINITY, retrying: false, shared: sharedIn(undefined) }

/** What is left of a call when those are over that it is a part of. */
const stillIn = (call: Call): Call => {
  let left = call
  for (let at = call.shared; at.within !== undefined; at = at.within.shared) if (at.over) left = at.within
  return left
}

/**
 * Where a fiber keeps the call that it is in. Setting a FiberRef copies all of a fiber's; a call would do that four
 * times. So a fiber sets this one once, and changes what is in it.
 */
interface Place {
  /** The fiber that set it. Undefined while a fiber has it from the fiber that forked it. */
  readonly owner: FiberId.FiberId | undefined
  call: Call
}

const nowhere: Place = { owner: undefined, call: outside }

/**
 * Whether the fiber that forks is in that call. If not, something is run with a `Runtime` that was taken from a fiber,
 * maybe long ago, and the current call of that fiber does not matter.
 */
const isRunning = (call: Call): boolean => Option.exists(Fiber.getCurrentFiber(), (fiber) => callOf(fiber) === call)

const place: FiberRef.FiberRef<Place> = globalValue("@countersign/client/call", () =>
  FiberRef.unsafeMake(nowhere, {
    // A child is in its parent's call, and stays there whatever the parent goes on to.
    fork: (kept) =>
      kept.owner === undefined || kept.call === outside
        ? kept
        : isRunning(kept.call)
          ? { owner: undefined, call: kept.call }
          : nowhere,
    join: (parent) => parent
  })
)

/** The call that a fiber is in. */
export const callOf = (fiber: Running): Call => {
  const { call, owner } = fiber.getFiberRef(place)
  return owner === undefined || owner === fiber.id() ? stillIn(call) : outside
}

/** The call that this fiber is in. */
export const current: Effect.Effect<Call> = Effect.withFiberRuntime((fiber) => Effect.succeed(callOf(fiber)))

/** Sets the call of the fiber that is running this very line, and gives the one it was in. */
export const enter = (fiber: Running, call: Call): Call => {
  const kept = fiber.getFiberRef(place)
  if (kept.owner === fiber.id()) {
    const outer = kept.call
    kept.call = call
    return outer
  }
  const outer = callOf(fiber)
  // The runtime's fibers set their own refs with this method; the public type leaves it out, and the effect that is
  // public for it costs as much as a policy.
  const own = fiber as unknown as { readonly setFiberRef: (ref: typeof place, value: Place) => void }
  own.setFiberRef(place, { owner: fiber.id(), call })
  return outer
}

/** Goes back to the call in which the one that the fiber is in was begun: that one is over, for all that it forked. */
export const leave = (fiber: Running, outer: Call): void => {
  let left: Call | undefined = enter(fiber, outer)
  // What an interruption ended has not been left by itself.
  while (left !== undefined && left.shared !== outer.shared) {
    left.shared.over = true
    left = left.shared.within
  }
}

/** Counts one more send of the fiber's call, and gives how many there were before it. Outside of calls it is always 0. */
export const countSend = (fiber: Running): number => {
  const { shared } = callOf(fiber)
  return shared === outside.shared ? 0 : shared.sends++
}

/** A call within whatever this fiber is in: a token's, for one. Its sends are no resends of the outer request. */
export const begin = (outer: Call, deadline: number): Call => ({
  deadline: Math.min(outer.deadline, deadline),
  retrying: outer.retrying,
  shared: sharedIn(outer)
})

/** The part of a call in which a retry is at work. */
export const retried = ({ deadline, shared }: Call): Call => ({
  deadline,
  retrying: true,
  shared: shared === outside.shared ? sharedIn(outside) : shared
})

/** Whether there is a call at all. */
export const isInside = (call: Call): boolean => call !== outside

/** Leaves what was entered, when what was done there ends by itself. */
const leaving = <A, E, R>(effect: Effect.Effect<A, E, R>, fiber: Running, outer: Call): Effect.Effect<A, E, R> =>
  Effect.matchCauseEffect(effect, {
    onFailure: (cause) => {
      leave(fiber, outer)
      return Effect.failCause(cause)
    },
    onSuccess: (value) => {
      leave(fiber, outer)
      return Effect.succeed(value)
    }
  })

/** Runs an effect as a part of a call: `Effect.locally`, at a fraction of its price. */
export const locally = <A, E, R>(effect: Effect.Effect<A, E, R>, call: Call): Effect.Effect<A, E, R> =>
  Effect.withFiberRuntime((fiber) => {
    // Within a call an interruption ends that one too, and the outermost fiber leaves for all.
    if (callOf(fiber) !== outside) return leaving(effect, fiber, enter(fiber, call))
    return Effect.uninterruptibleMask((restore) => leaving(restore(effect), fiber, enter(fiber, call)))
  })
