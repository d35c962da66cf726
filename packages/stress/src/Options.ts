/** Command line of `npm run stress`. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import type { Stress } from "./Stress.js"

/** The cases to run, and the form of the output. */
export interface Options {
  readonly selected: ReadonlyArray<Stress>
  readonly short: boolean
  /** Runs a case again if an assertion fails. */
  readonly retry: boolean
  readonly json: boolean
}

/** Invalid arguments. The message contains the usage. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** The text of `--help`. */
export const usage = (cases: ReadonlyArray<Stress>): string =>
  `npm run -s stress -- NAME [--short] [--retry] [--json]

  NAME     one of ${cases.map(({ name }) => name).join(", ")}; or all
  --short  a few seconds each, as in CI
  --retry  runs a case once more if an assertion fails, for a machine that runs other programs
  --json   one line of JSON a case on standard output, { name, ok, broken, skipped, figures }, instead of tables`

/** Parses the arguments. Fails with {@link UsageError} if they are invalid. */
export const parse = (
  args: ReadonlyArray<string>,
  cases: ReadonlyArray<Stress>
): Effect.Effect<Options, UsageError> => {
  const usageError = (problem: string) => new UsageError({ message: `${problem}\n\n${usage(cases)}` })
  return Effect.flatMap(
    Effect.try({
      try: () =>
        parseArgs({
          args: [...args],
          allowPositionals: true,
          options: {
            json: { type: "boolean", default: false },
            retry: { type: "boolean", default: false },
            short: { type: "boolean", default: false }
          }
        }),
      catch: (cause) => usageError(cause instanceof Error ? cause.message : String(cause))
    }),
    ({ positionals: [name, ...more], values: { json, retry, short } }) => {
      if (name === undefined || more.length > 0) return Effect.fail(usageError("Expected one NAME."))
      const selected = name === "all" ? cases : cases.filter((one) => one.name === name)
      return selected.length > 0
        ? Effect.succeed({ selected, json, retry, short })
        : Effect.fail(usageError(`Unknown case "${name}".`))
    }
  )
}
