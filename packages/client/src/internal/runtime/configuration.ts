/**
 * Reading of configuration, which has other errors and combinators in Effect 4. The edition for Effect 4 replaces this module.
 */
import type { Result } from "@countersign/protocol/Result"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"

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
    // `Config.all` throws for no field.
    configured.length === 0 ? Config.succeed({}) : Config.all(Object.fromEntries(configured)),
    // Each member that was a `Config` now has its value, which is of the type of the member.
    (values) => ({ ...options, ...values }) as unknown as A
  )
}

/** The error of an invalid value. */
export const invalid = (path: ReadonlyArray<string>, reason: string): ConfigError.ConfigError =>
  ConfigError.InvalidData([...path], reason)

/** The validated value of a name. Nested, because the path of an error is that of the names around the validation. */
export const validated = <A, B>(
  name: string,
  config: Config.Config<A>,
  validate: (value: A) => Result<B, string>
): Config.Config<B> =>
  Config.nested(
    Config.mapOrFail(config, (value) => {
      const result = validate(value)
      return result._tag === "Ok" ? Either.right(result.value) : Either.left(invalid([], result.reason))
    }),
    name
  )
