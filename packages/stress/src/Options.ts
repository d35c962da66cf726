/** What the command line of `npm run stress` says. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import type { Stress } from "./Stress.js"

/** What to run, and how to tell. */
export interface Options {
  readonly chosen: ReadonlyArray<Stress>
  readonly short: boolean
  readonly json: boolean
}

/** The arguments cannot be followed; the message says which ones can. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** What `--help` says. */
export const usage = (cases: ReadonlyArray<Stress>): string =>
  `npm run -s stress -- NAME [--short] [--json]

  NAME     one of ${cases.map(({ name }) => name).join(", ")}; or all
  --short  a few seconds each, as in CI
  --json   one line of JSON a case on standard output, { name, ok, figures }, in the place of the tables`

/** Reads the arguments; fails with {@link UsageError} when they cannot be followed. */
export const parse = (
  args: ReadonlyArray<string>,
  cases: ReadonlyArray<Stress>
): Effect.Effect<Options, UsageError> => {
  const refuse = (why: string) => new UsageError({ message: `${why}\n\n${usage(cases)}` })
  return Effect.flatMap(
    Effect.try({
      try: () =>
        parseArgs({
          args: [...args],
          allowPositionals: true,
          options: { json: { type: "boolean", default: false }, short: { type: "boolean", default: false } }
        }),
      catch: (cause) => refuse(cause instanceof Error ? cause.message : String(cause))
    }),
    ({ positionals: [name, ...more], values: { json, short } }) => {
      if (name === undefined || more.length > 0) return Effect.fail(refuse("Give one NAME."))
      const chosen = name === "all" ? cases : cases.filter((one) => one.name === name)
      return chosen.length > 0
        ? Effect.succeed({ chosen, json, short })
        : Effect.fail(refuse(`There is no case "${name}".`))
    }
  )
}
