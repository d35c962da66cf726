/** One case of `npm run stress`: something that others do to a client, and what it promises to do about it. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** What was counted and measured, as JSON. */
export interface Measurements {
  readonly [name: string]: number | string | boolean | Measurements
}

/**
 * How to run: `short` is what CI has the time for, a few seconds. `reportProgress` shows progress; a message that begins with
 * `skipped: ` names a part that this machine cannot run, which only the short form accepts.
 */
export interface Run {
  readonly short: boolean
  readonly reportProgress: (what: string) => Effect.Effect<void>
}

/** It could not be run: of what it wanted to find out, nothing is known. */
export class CannotRun extends Data.TaggedError("CannotRun")<{ readonly message: string }> {}

/** An error of a process or a server that the case needs. */
export const cannotRun = (cause: unknown): CannotRun =>
  new CannotRun({ message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) })

/** What is promised, in words, and whether it was kept, told from the figures alone. */
export type Assertions<F extends Measurements> = Readonly<Record<string, (figures: F) => boolean>>

/** What came of a case: it is ok when no promise was broken. */
export interface Result {
  readonly name: string
  readonly ok: boolean
  readonly broken: ReadonlyArray<string>
  readonly figures: Measurements
}

/** A case, of which nobody has to know what its figures are. */
export interface Stress {
  readonly name: string
  readonly run: (run: Run) => Effect.Effect<Result, CannotRun>
}

/** The promises that the figures break. */
export const check = <F extends Measurements>(promises: Assertions<F>, figures: F): ReadonlyArray<string> =>
  Object.entries(promises).flatMap(([promise, isKept]) => (isKept(figures) ? [] : [promise]))

/** Makes a case of what finds the figures, and of the promises that they are held against. */
export const make = <F extends Measurements>(
  name: string,
  figures: (run: Run) => Effect.Effect<F, CannotRun>,
  promises: Assertions<F>
): Stress => ({
  name,
  run: (run) =>
    Effect.map(figures(run), (found) => {
      const broken = check(promises, found)
      return { name, ok: broken.length === 0, broken, figures: found }
    })
})
