/**
 * API keys in a header, in the query or in a cookie, and key pools for rotation.
 *
 * @since 0.1.0
 */
import * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { Location } from "./internal/apiKey/location.js"
import { put } from "./internal/apiKey/location.js"
import type { PoolOptions, SourcedPoolOptions } from "./internal/apiKey/pool.js"
import { makeCheckedPool, makePool, poolNames, sourcedPoolNames } from "./internal/apiKey/pool.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { blankOption, isBlank } from "./internal/schemes/invalidCredential.js"

export type { Location } from "./internal/apiKey/location.js"
export { cookie, header, query } from "./internal/apiKey/location.js"
export type { PoolBehaviour, PoolOptions, SourcedPoolOptions } from "./internal/apiKey/pool.js"
export type { Strategy } from "./internal/apiKey/keyRing.js"

/**
 * An API key, and the part of the request that carries it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where the key is sent: `header`, `query` or `cookie`. */
  readonly location: Location
  /** The API key. Signing fails if it is empty or blank. */
  readonly key: Redacted.Redacted<string>
}

const names: OptionNames.ShapeOf<Options> = { location: true, key: "secret" }

/**
 * Authenticates with one API key.
 *
 * Signing fails with `InvalidRequest { reason: "Credentials" }` if the key is empty or blank.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Auth.Service => {
  const { key, location } = OptionNames.known("`ApiKey`", options, names)
  return { ...Auth.makeStaticEffect((request) => put(location, request, key)), honorsDeadline: true }
}

const validated = (options: Options): Effect.Effect<Auth.Service, InvalidRequest> =>
  isBlank(options.key) ? Effect.fail(blankOption("key")) : Effect.succeed(make(options))

/**
 * Layer that sends the API key with every request to the API's origins.
 *
 * Fails with `InvalidRequest` when it is built, if the key is empty.
 *
 * @example
 * import * as ApiKey from "@countersign/auth/ApiKey"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = ApiKey.layer({ location: ApiKey.header("x-api-key"), key: Redacted.make("key") })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth, InvalidRequest> =>
  Layer.effect(
    Auth.Auth,
    Effect.zipRight(
      OptionNames.check("`ApiKey`", options, names),
      Effect.suspend(() => validated(options))
    )
  )

/**
 * Layer that reads the API key from the configuration and sends it with every request to the API's origins.
 *
 * Fails with `ConfigError` when it is built, if the key is missing, and as {@link layer} does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: ConfigOptions.OrConfig<Options>
): Layer.Layer<Auth.Auth, ConfigError.ConfigError | InvalidRequest> =>
  Layer.effect(
    Auth.Auth,
    OptionNames.check("`ApiKey`", options, names).pipe(
      Effect.zipRight(Effect.suspend(() => ConfigOptions.read<Options>(options))),
      Effect.flatMap(validated)
    )
  )

/**
 * Authenticates with the first key until the server rejects it, then with the next one.
 *
 * - Rotation: configure the new key and the old one, in this order. One request tries each key at most once, and a rejected key
 *   is skipped for 30 seconds. A 401 rejects a key, and so do the responses that `Auth.withExpired` names.
 * - `Unauthorized` means that all keys were rejected. With `sticky`, later requests are then sent with the last one.
 * - With `rateLimitScope: "key"`, a request that gets a 429 is sent again at once with another key, and later requests use other
 *   keys until the wait of that response is over. If all keys are limited, requests wait, or fail, as with one key: until the
 *   first of the keys can be used again.
 *
 * @example
 * import * as ApiKey from "@countersign/auth/ApiKey"
 * import * as Redacted from "effect/Redacted"
 *
 * const keys = [Redacted.make("new"), Redacted.make("old")] as const
 * const pool = ApiKey.pool({ location: ApiKey.header("x-api-key"), keys })
 *
 * @since 0.1.0
 * @category constructors
 */
export const pool = (options: PoolOptions): Effect.Effect<Auth.Service> =>
  Effect.suspend(() => makePool(OptionNames.known("`ApiKey.pool`", options, poolNames)))

/**
 * Authenticates as {@link pool}, with keys that an effect reads, such as from a secret store.
 *
 * - The effect runs when the pool is made, and the pool fails as it fails.
 * - If the server rejects all keys, the effect runs again: once for all calls, and at most once in each `readInterval`. If it fails,
 *   finds no key or takes more than 30 seconds, the pool keeps its keys and logs a warning.
 *
 * @since 0.1.0
 * @category constructors
 */
export const poolEffect = <E, R>(options: SourcedPoolOptions<E, R>): Effect.Effect<Auth.Service, E, R> =>
  Effect.suspend(() => makePool(OptionNames.known("`ApiKey.poolEffect`", options, sourcedPoolNames)))

/**
 * Layer that sends one of several API keys, see {@link pool}.
 *
 * Fails with `InvalidRequest` when it is built, if a key is empty.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPool = (options: PoolOptions): Layer.Layer<Auth.Auth, InvalidRequest> =>
  Layer.effect(
    Auth.Auth,
    Effect.zipRight(
      OptionNames.check("`ApiKey.pool`", options, poolNames),
      Effect.suspend(() => makeCheckedPool<never, never>(options))
    )
  )

/**
 * Layer that sends one of several API keys that an effect reads, see {@link poolEffect}.
 *
 * Fails when it is built: with the error of the effect, or with `InvalidRequest` if the list is empty or contains an empty key.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPoolEffect = <E, R>(
  options: SourcedPoolOptions<E, R>
): Layer.Layer<Auth.Auth, E | InvalidRequest, R> =>
  Layer.effect(
    Auth.Auth,
    Effect.zipRight(
      OptionNames.check("`ApiKey.poolEffect`", options, sourcedPoolNames),
      Effect.suspend(() => makeCheckedPool(options))
    )
  )

/**
 * Layer that reads several API keys from the configuration, and again if all are rejected, see {@link poolEffect}.
 *
 * Fails with `ConfigError` when it is built, if the keys are missing, and as {@link layerPoolEffect} does.
 *
 * @example
 * import * as ApiKey from "@countersign/auth/ApiKey"
 * import * as Config from "effect/Config"
 *
 * // API_KEYS=new,old
 * const AuthLive = ApiKey.layerPoolConfig({
 *   location: ApiKey.header("x-api-key"),
 *   keys: Config.array(Config.redacted(), "API_KEYS")
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPoolConfig = (
  options: Omit<SourcedPoolOptions<never, never>, "keys"> & {
    /** The configuration value with the keys, such as `Config.array(Config.redacted(), "API_KEYS")`. */
    readonly keys: Config.Config<ReadonlyArray<Redacted.Redacted<string>>>
  }
): Layer.Layer<Auth.Auth, ConfigError.ConfigError | InvalidRequest> => layerPoolEffect(options)
