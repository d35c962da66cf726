/**
 * Options that come from the configuration (`Config`): for the `layerConfig` of a scheme, a store or a client of your own.
 *
 * @since 0.1.0
 */
import type { Result } from "@countersign/protocol/Result"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Configuration from "./internal/runtime/configuration.js"

/**
 * Options of which each member may be a `Config` instead of a value.
 *
 * @since 0.1.0
 * @category models
 */
export type OrConfig<A> = Configuration.OrConfig<A>

/**
 * The options, with each member that is a `Config` replaced by its value. Other members stay as they are, effects included.
 *
 * The config fails with `ConfigError` if a value is missing or invalid.
 *
 * @example
 * import * as Auth from "@countersign/client/Auth"
 * import * as ConfigOptions from "@countersign/client/ConfigOptions"
 * import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * interface Options {
 *   readonly tenant: string
 *   readonly key: Redacted.Redacted<string>
 * }
 *
 * const layer = ({ key, tenant }: Options) =>
 *   Layer.succeed(
 *     Auth.Auth,
 *     Auth.makeStatic((request) =>
 *       HttpClientRequest.setHeaders(request, { "x-tenant": tenant, "x-key": Redacted.value(key) })
 *     )
 *   )
 *
 * const layerConfig = (options: ConfigOptions.OrConfig<Options>) =>
 *   Layer.unwrapEffect(Effect.map(ConfigOptions.read<Options>(options), layer))
 *
 * @param options - the options, of which each member may be a `Config`.
 * @since 0.1.0
 * @category constructors
 */
export const read: <A extends object>(options: OrConfig<A>) => Config.Config<A> = Configuration.read

/**
 * Reads and validates a value of the configuration. A rejected value is a `ConfigError` with the name of the value and the reason.
 *
 * @param name - the name of the value, such as `API_KEY`.
 * @param config - reads it, without the name: `Config.string()`.
 * @param validate - returns the validated value, or the reason why it is rejected. The reason must not contain a secret.
 * @since 0.1.0
 * @category constructors
 */
export const validated: <A, B>(
  name: string,
  config: Config.Config<A>,
  validate: (value: A) => Result<B, string>
) => Config.Config<B> = Configuration.validated

/**
 * Makes the error of an invalid value.
 *
 * @param path - the path of the value, such as `["proxy", "https"]`.
 * @param reason - what is wrong with it, and what to set. It must not contain a secret.
 * @since 0.1.0
 * @category constructors
 */
export const invalid: (path: ReadonlyArray<string>, reason: string) => ConfigError = Configuration.invalid
