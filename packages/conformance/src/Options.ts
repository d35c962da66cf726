/** Command line options of `npm run conformance`. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"

/** The server to run, and the output format. */
export interface Options<S> {
  readonly server: S
  readonly json: boolean
}

interface Named {
  readonly name: string
}

/** Invalid arguments. The message has the usage. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** The usage that `--help` prints. */
export const usage = (servers: ReadonlyArray<Named>): string =>
  `npm run -s conformance -- NAME [--json]

  NAME    the server: ${servers.map(({ name }) => name).join(", ")}
  --json  one line of JSON on standard output, { name, ok, cases: [{ name, ok, observed }] }, instead of the lines`

/** Parses the arguments. Fails with {@link UsageError} if they are invalid. */
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
