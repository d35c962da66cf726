/** One run of a case for the command line: a second attempt if it is wanted, and the parts that were skipped. */
import * as Effect from "effect/Effect"
import type { CannotRun, Result, Stress } from "./Stress.js"

/** Options of {@link run}. `print` gets each line of progress. With `retry`, the case has a second attempt. */
export interface Options {
  readonly short: boolean
  readonly retry: boolean
  readonly print: (message: string) => Effect.Effect<void>
}

/** Result of the last attempt, and the parts of the case that this machine cannot run. */
export interface Outcome extends Result {
  readonly skipped: ReadonlyArray<string>
}

/** Start of a line of progress that names a skipped part. */
const skip = "skipped: "

const attempt = ({ run }: Stress, { print, short }: Options): Effect.Effect<Outcome, CannotRun> =>
  Effect.suspend(() => {
    const skipped: Array<string> = []
    const reportProgress = (message: string) => {
      if (message.startsWith(skip)) skipped.push(message.slice(skip.length))
      return print(message)
    }
    return Effect.map(run({ short, reportProgress }), (result) => ({ ...result, skipped }))
  })

/**
 * Runs a case. Cases compare times with limits, and a busy machine can exceed them. So `retry` runs a case again if an
 * assertion fails, and the second result counts.
 */
export const run = (one: Stress, options: Options): Effect.Effect<Outcome, CannotRun> =>
  Effect.flatMap(attempt(one, options), (first) =>
    first.ok || !options.retry
      ? Effect.succeed(first)
      : Effect.zipRight(options.print(`second attempt, because of: ${first.broken.join("; ")}`), attempt(one, options))
  )
