/** What the command line of `npm run conformance` says. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"

/** What to run, and how to tell. */
export interface Options<S> {
  readonly server: S
  readonly json: boolean
}

interface Named {
  readonly name: string
}

/** The arguments cannot be followed; the message says which ones can. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** What `--help` says. */
export const usage = (servers: ReadonlyArray<Named>): string =>
  `npm run -s conformance -- NAME [--json]

  NAME    the server: ${servers.map(({ name }) => name).join(", ")}
  --json  one line of JSON on standard output, { name, ok, cases: [{ name, ok, observed }] }, in the place of the lines`

/** Reads the arguments; fails with {@link UsageError} when they cannot be followed. */
export const parse = <S extends Named>(
  args: ReadonlyArray<string>,
  servers: ReadonlyArray<S>
): Effect.Effect<Options<S>, UsageError> => {
  const refuse = (why: string) => new UsageError({ message: `${why}\n\n${usage(servers)}` })
  return Effect.flatMap(
    Effect.try({
      try: () =>
        parseArgs({ args: [...args], allowPositionals: true, options: { json: { type: "boolean", default: false } } }),
      catch: (cause) => refuse(cause instanceof Error ? cause.message : String(cause))
    }),
    ({ positionals: [name, ...more], values: { json } }) => {
      if (name === undefined || more.length > 0) return Effect.fail(refuse("Give one NAME."))
      const server = servers.find((one) => one.name === name)
      return server === undefined
        ? Effect.fail(refuse(`There is no server "${name}" here.`))
        : Effect.succeed({ server, json })
    }
  )
}
