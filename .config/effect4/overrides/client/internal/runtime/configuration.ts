/** Reading of configuration, for Effect 4. */
import type { Result } from "@countersign/protocol/Result"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** Options of which each member may be a `Config` instead of a value. */
export type OrConfig<A> = { readonly [K in keyof A]: A[K] | Config.Config<Exclude<A[K], undefined>> }

/** Whether a value is a `Config`. */
export const isConfig: (value: unknown) => value is Config.Config<unknown> = Config.isConfig

/** The options, with each member that is a `Config` replaced by its value. */
export const read = <A extends object>(options: OrConfig<A>): Config.Config<A> => {
  const configured = Object.entries(options).filter((entry): entry is [string, Config.Config<unknown>] =>
    isConfig(entry[1])
  )
  return Config.map(
    Config.all(Object.fromEntries(configured)),
    // Each member that was a `Config` now has its value, which is of the type of the member.
    (values) => ({ ...options, ...values }) as unknown as A
  )
}

/** The error of an invalid value. */
export const invalid = (path: ReadonlyArray<string>, reason: string): Config.ConfigError =>
  new Config.ConfigError(
    new Schema.SchemaError(new SchemaIssue.Pointer([...path], new SchemaIssue.InvalidValue({ message: reason })))
  )

/** The validated value of a name. */
export const validated = <A, B>(
  name: string,
  config: Config.Config<A>,
  validate: (value: A) => Result<B, string>
): Config.Config<B> =>
  Config.nested(
    Config.mapEffect(config, (value) => {
      const result = validate(value)
      return result._tag === "Ok" ? Effect.succeed(result.value) : Effect.fail(invalid([], result.reason))
    }),
    name
  )
