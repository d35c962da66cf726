import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

/** An effect of which one run at most is under way. */
export interface Flight<A, E> {
  /**
   * Joins the run that is under way, or starts one, unless `enough` finds that there is something already. It is asked
   * at the very moment of joining or starting: a fiber may have stopped between its own look and this, while another's
   * run came to its end.
   */
  readonly join: (enough: () => A | undefined) => Effect.Effect<A, E>
  /** Starts a run, unless one is under way, and waits for nothing. */
  readonly begin: () => void
}

/**
 * Makes that of an effect. It runs in a fiber that belongs to nobody who waits: their interruption, deadline and span do
 * not reach it, and they can stop waiting at any time. Closing the scope waits for it instead of interrupting it, and
 * from then on nothing is begun that nobody waits for.
 */
export const make = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Flight<A, E>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<R>()
    let running: Effect.Effect<A, E> | undefined
    let closed = false

    const start = (): Effect.Effect<A, E> => {
      const outcome = Deferred.unsafeMake<A, E>(FiberId.none)
      running = Deferred.await(outcome)
      // Nobody interrupts it from without; a bound on time within needs it to be interruptible, wherever it was made.
      const settle = Effect.flatMap(Effect.exit(Effect.interruptible(effect)), (exit) => {
        running = undefined
        return Effect.zipRight(reported(exit), Deferred.done(outcome, exit))
      })
      // Not in the middle of what the fiber is doing whose turn it is.
      Runtime.runFork(runtime)(settle, { immediate: false })
      return running
    }

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        closed = true
        return running === undefined ? Effect.void : Effect.exit(running)
      })
    )
    return {
      join: (enough) =>
        Effect.suspend(() => {
          const found = enough()
          return found === undefined ? (running ?? start()) : Effect.succeed(found)
        }),
      begin: () => {
        if (!closed) running ??= start()
      }
    }
  })

/** Perhaps nobody waits for it: a bug must be heard of all the same. */
const reported = <A, E>(exit: Exit.Exit<A, E>): Effect.Effect<void> =>
  Exit.isFailure(exit) && Cause.isDie(exit.cause)
    ? Effect.logError("Getting another token ended with a defect.", exit.cause)
    : Effect.void
