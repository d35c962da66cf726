import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

/**
 * Of an effect, makes one of which one run at most is under way: whoever runs what this gives joins that, or starts it,
 * unless `enough` finds that there is something already. It is asked at the very moment of joining or starting: a fiber
 * may have stopped between its own look and this, while another's run came to its end.
 *
 * It runs in a fiber that belongs to nobody who waits: their interruption, deadline and span do not reach it, and
 * they can stop waiting at any time. Closing the scope waits for it instead of interrupting it.
 */
export const make = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<(enough: () => A | undefined) => Effect.Effect<A, E>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<R>()
    let running: Deferred.Deferred<A, E> | undefined

    const start = (): Deferred.Deferred<A, E> => {
      const outcome = Deferred.unsafeMake<A, E>(FiberId.none)
      running = outcome
      // Nobody interrupts it from without; a bound on time within needs it to be interruptible, wherever it was made.
      const settle = Effect.flatMap(Effect.exit(Effect.interruptible(effect)), (exit) => {
        running = undefined
        return Deferred.done(outcome, exit)
      })
      Runtime.runFork(runtime)(settle)
      return outcome
    }

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => (running === undefined ? Effect.void : Effect.exit(Deferred.await(running))))
    )
    return (enough) =>
      Effect.suspend(() => {
        const found = enough()
        return found === undefined ? Deferred.await(running ?? start()) : Effect.succeed(found)
      })
  })
