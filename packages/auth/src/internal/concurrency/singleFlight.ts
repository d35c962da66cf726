import * as WaitUntil from "@countersign/client/WaitUntil"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { Progress } from "./flightProgress.js"
import { Run } from "./flightRun.js"

/** How long a scope that closes waits for the end of what runs after the outcome. A fiber may be lost. */
const longestCleanUp = Duration.seconds(15)

/** An effect that runs at most once at a time. */
export interface Flight<A, E> {
  /**
   * Joins the current run, or starts one, unless `enough` finds a value. `enough` is called at the moment of joining or
   * starting: a run may have ended since the caller last checked.
   *
   * @param runs - maximum number of runs until `enough` finds a value (1). A run that is joined may have started too early.
   */
  readonly run: (enough: () => A | undefined, runs?: number) => Effect.Effect<A, E>
  /** Starts a run, unless there is one, and does not wait for it. */
  readonly start: () => void
}

/** How a run is given up. */
export interface Limits<E> {
  /** How long a run may take before it reports its first step, in milliseconds. */
  readonly firstStep: number
  /** The error for a caller that has waited for two runs that were given up. `ms` is how long the step could take. */
  readonly lost: (ms: number) => E
}

/**
 * Makes a single flight. Each run has its own fiber, separate from the interruption, deadline and span of waiting callers.
 * Closing the scope waits for the run instead of interrupting it, and then `start` starts nothing. What the run does
 * `afterwards` follows when the callers have its outcome, and closing the scope waits for that too.
 *
 * A run reports its steps to `Progress`. It is given up if a step takes longer than it reported, by the larger elapsed time
 * of both clocks: its fiber was lost with its request (Cloudflare Workers), or the machine was suspended. The next caller,
 * or one that waits, starts another run.
 */
export const make = <A, E extends Error, R>(
  effect: Effect.Effect<A, E, R>,
  limits: Limits<E>
): Effect.Effect<Flight<A, E>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<R>()
    const clock = yield* Effect.clock
    const waitUntil = Context.get(runtime.context, WaitUntil.WaitUntil)
    let running: Run<A, E> | undefined
    /** Runs that have returned their outcome, and still do something afterwards. */
    const unfinished = new Set<Run<A, E>>()
    let closed = false

    const ended = (run: Run<A, E>): void => {
      if (running === run) running = undefined
    }
    const giveUp = (run: Run<A, E>): void => {
      ended(run)
      Runtime.runFork(runtime)(Effect.logWarning(`${limits.lost(run.limit).message}. It is given up.`))
      run.giveUp()
    }
    const giveUpIfLost = (run: Run<A, E>): void => {
      if (running === run && run.isLost()) giveUp(run)
    }

    const work = (run: Run<A, E>): Effect.Effect<void, never, R> =>
      Effect.flatMap(
        // Only its own bounds and `giveUp` interrupt it. Both need it to be interruptible, wherever it was made.
        Effect.exit(Effect.interruptible(Effect.provideService(effect, Progress, run))),
        (exit) => {
          if (run.hasCleanUp) unfinished.add(run)
          // In one step: between two steps the fiber may be lost, and then no caller would learn of the outcome.
          ended(run)
          run.end(exit)
          return logDefect(exit)
        }
      ).pipe(Effect.ensuring(run.cleanUp), Effect.ensuring(Effect.sync(() => unfinished.delete(run))))
    const watch = (run: Run<A, E>): Effect.Effect<void> =>
      Effect.suspend(() => {
        giveUpIfLost(run)
        return running === run ? Effect.zipRight(Effect.sleep(run.nextLook), watch(run)) : Effect.void
      })

    const start = (): Run<A, E> => {
      const run = new Run<A, E>(clock, limits.firstStep, giveUpIfLost)
      running = run
      // Not immediately: the current fiber is in the middle of a step.
      run.worker = Runtime.runFork(runtime)(work(run), { immediate: false })
      run.watcher = Runtime.runFork(runtime)(watch(run), { immediate: false })
      WaitUntil.registerFiber(waitUntil, run.worker)
      return run
    }
    const current = (): Run<A, E> | undefined => {
      if (running !== undefined) giveUpIfLost(running)
      return running
    }

    // A waiting fiber has one frame and no schedule driver, because there may be very many.
    const joinOrStart = (enough: () => A | undefined, runs: number, isLast: boolean): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const found = enough()
        if (found !== undefined) return Effect.succeed(found)
        const run = current() ?? start()
        return Effect.flatMap(run.exit, (exit): Effect.Effect<A, E> => {
          if (exit === undefined) return isLast ? Effect.fail(limits.lost(run.limit)) : joinOrStart(enough, runs, true)
          return runs > 1 && Exit.isSuccess(exit) && enough() === undefined
            ? joinOrStart(enough, runs - 1, false)
            : exit
        })
      })

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        closed = true
        return Effect.zipRight(running === undefined ? Effect.void : running.exit, awaitCleanUp(unfinished))
      })
    )
    return {
      run: (enough, runs = 1) => joinOrStart(enough, runs, false),
      start: () => {
        if (!closed && current() === undefined) start()
      }
    }
  })

/** Waits until the effects that follow the outcomes have run. */
const awaitCleanUp = <A, E>(runs: ReadonlySet<Run<A, E>>): Effect.Effect<void> =>
  Effect.suspend(() => {
    const workers = [...runs].flatMap(({ worker }) => worker ?? [])
    if (workers.length === 0) return Effect.void
    return Effect.asVoid(
      Effect.timeoutOption(Effect.interruptible(Effect.disconnect(Fiber.awaitAll(workers))), longestCleanUp)
    )
  })

/** Logs a defect, since a run may have no caller that waits for it. */
const logDefect = <A, E>(exit: Exit.Exit<A, E>): Effect.Effect<void> =>
  Exit.isFailure(exit) && Cause.isDie(exit.cause)
    ? Effect.logError("The token refresh ended with a defect.", exit.cause)
    : Effect.void
