import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"

/** What the policies of one call know of each other. */
export interface Call {
  /** When it has to be over, in epoch milliseconds. */
  readonly deadline: number
  /** Whether a retry is at work: one further in leaves it to that one. */
  readonly retrying: boolean
}

const outside: Call = { deadline: Number.POSITIVE_INFINITY, retrying: false }

/** The call that this fiber is in. */
export const current: FiberRef.FiberRef<Call> = globalValue("@countersign/client/call", () =>
  FiberRef.unsafeMake(outside)
)

/** Runs an effect as a part of a call: `Effect.locally`, at half its price. */
export const locally = <A, E, R>(effect: Effect.Effect<A, E, R>, call: Call): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) => entering(restore(effect), call))

/** The same, for an effect whose region is uninterruptible already but for its inside. */
export const entering = <A, E, R>(effect: Effect.Effect<A, E, R>, call: Call): Effect.Effect<A, E, R> =>
  Effect.flatMap(FiberRef.getAndSet(current, call), (outer) => {
    const leave = FiberRef.set(current, outer)
    return Effect.matchCauseEffect(effect, {
      onFailure: (cause) => Effect.zipRight(leave, Effect.failCause(cause)),
      onSuccess: (value) => Effect.as(leave, value)
    })
  })
