/** One case of `npm run stress`: what the network or a server does to a client, and the assertions on the result. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** Counts and measurements. They can be encoded as JSON. */
export interface Measurements {
  readonly [name: string]: number | string | boolean | Measurements
}

/**
 * How to run a case. `short` is the form for CI, a few seconds long. `reportProgress` prints a line. A line that begins with
 * `skipped: ` names a part that this machine cannot run. Only the short form may skip parts.
 */
export interface Run {
  readonly short: boolean
  readonly reportProgress: (what: string) => Effect.Effect<void>
}

/** The case could not run, so there is no result. */
export class CannotRun extends Data.TaggedError("CannotRun")<{ readonly message: string }> {}

/** A failure of a process or a server that the case needs. */
export const cannotRun = (cause: unknown): CannotRun =>
  new CannotRun({ message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) })

/** Assertions on the figures, by name. Each name is a complete sentence. */
export type Assertions<F extends Measurements> = Readonly<Record<string, (figures: F) => boolean>>

/** Result of a case. It is ok if all assertions hold. */
export interface Result {
  readonly name: string
  readonly ok: boolean
  readonly broken: ReadonlyArray<string>
  readonly figures: Measurements
}

/** A case, independent of the type of its figures. */
export interface Stress {
  readonly name: string
  readonly run: (run: Run) => Effect.Effect<Result, CannotRun>
}

/** Names of the assertions that do not hold for the figures. */
export const check = <F extends Measurements>(assertions: Assertions<F>, figures: F): ReadonlyArray<string> =>
  Object.entries(assertions).flatMap(([assertion, holds]) => (holds(figures) ? [] : [assertion]))

/** Makes a case of a function that measures the figures, and of assertions on them. */
export const make = <F extends Measurements>(
  name: string,
  figures: (run: Run) => Effect.Effect<F, CannotRun>,
  assertions: Assertions<F>
): Stress => ({
  name,
  run: (run) =>
    Effect.map(figures(run), (measured) => {
      const broken = check(assertions, measured)
      return { name, ok: broken.length === 0, broken, figures: measured }
    })
})
