import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

/**
 * Makes an effect of which one at most runs at a time: whoever runs what this gives joins the one that is under way,
 * or starts it.
 *
 * It runs in a fiber that belongs to nobody who waits: their interruption, deadline and span do not reach it, and
 * they can stop waiting at any time. Closing the scope waits for it instead of interrupting it.
 */
export const make = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<Effect.Effect<A, E>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<R>()
    let running: Deferred.Deferred<A, E> | undefined

    const start = (): Deferred.Deferred<A, E> => {
      const outcome = Deferred.unsafeMake<A, E>(FiberId.none)
      running = outcome
      const settle = Effect.flatMap(Effect.exit(effect), (exit) => {
        running = undefined
        return Deferred.done(outcome, exit)
      })
      Runtime.runFork(runtime)(settle)
      return outcome
    }

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => (running === undefined ? Effect.void : Effect.exit(Deferred.await(running))))
    )
    return Effect.suspend(() => Deferred.await(running ?? start()))
  })
