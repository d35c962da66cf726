/** One case of `npm run stress`: something that others do to a client, and what it promises to do about it. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** What was counted and measured, as JSON. */
export interface Figures {
  readonly [name: string]: number | string | boolean | Figures
}

/**
 * How to run: `short` is what CI has the time for, a few seconds. `say` reports progress; a message that begins with
 * `skipped: ` names a part that this machine cannot run, which only the short form accepts.
 */
export interface Run {
  readonly short: boolean
  readonly say: (what: string) => Effect.Effect<void>
}

/** It could not be run: of what it wanted to find out, nothing is known. */
export class Unfit extends Data.TaggedError("Unfit")<{ readonly message: string }> {}

/** An error of a process or a server that the case needs. */
export const unfit = (cause: unknown): Unfit =>
  new Unfit({ message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) })

/** What is promised, in words, and whether it was kept, told from the figures alone. */
export type Promises<F extends Figures> = Readonly<Record<string, (figures: F) => boolean>>

/** What came of a case: it is ok when no promise was broken. */
export interface Result {
  readonly name: string
  readonly ok: boolean
  readonly broken: ReadonlyArray<string>
  readonly figures: Figures
}

/** A case, of which nobody has to know what its figures are. */
export interface Stress {
  readonly name: string
  readonly run: (run: Run) => Effect.Effect<Result, Unfit>
}

/** The promises that the figures break. */
export const check = <F extends Figures>(promises: Promises<F>, figures: F): ReadonlyArray<string> =>
  Object.entries(promises).flatMap(([promise, isKept]) => (isKept(figures) ? [] : [promise]))

/** Makes a case of what finds the figures, and of the promises that they are held against. */
export const make = <F extends Figures>(
  name: string,
  figures: (run: Run) => Effect.Effect<F, Unfit>,
  promises: Promises<F>
): Stress => ({
  name,
  run: (run) =>
    Effect.map(figures(run), (found) => {
      const broken = check(promises, found)
      return { name, ok: broken.length === 0, broken, figures: found }
    })
})
