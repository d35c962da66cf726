/**
 * API keys in a header, in the query or in a cookie, and key pools for rotation.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as OptionNames from "./internal/options/optionNames.js"
import { blank, blankOption, isBlank } from "./internal/schemes/invalidCredential.js"

/**
 * Function that adds the key to a request: {@link header}, {@link query} or {@link cookie}.
 *
 * @since 0.1.0
 * @category models
 */
export type Location = (
  request: HttpClientRequest.HttpClientRequest,
  key: Redacted.Redacted<string>
) => HttpClientRequest.HttpClientRequest

/**
 * Sends the key as the value of a header field, after an optional prefix such as `Token `.
 *
 * @since 0.1.0
 * @category locations
 */
export const header =
  (name: string, prefix = ""): Location =>
  (request, key) =>
    HttpClientRequest.setHeader(request, name, prefix + Redacted.value(key))

/** Removes the query parameters with this name. The rest of the query stays byte for byte. */
const withoutParam = (url: string, name: string): string => {
  const [target = "", hash] = url.split(/(?=#)/, 2)
  const start = target.indexOf("?")
  const pairs = start === -1 ? [] : target.slice(start + 1).split("&")
  const others = pairs.filter((pair) => !new URLSearchParams(pair).has(name))
  if (others.length === pairs.length) return url
  return target.slice(0, start) + (others.length === 0 ? "" : `?${others.join("&")}`) + (hash ?? "")
}

/**
 * Sends the key as a query parameter, and replaces a parameter of the same name.
 *
 * URLs end up in logs and histories: use a header where the API supports one.
 *
 * @since 0.1.0
 * @category locations
 */
export const query =
  (name: string): Location =>
  (request, key) =>
    HttpClientRequest.setUrlParam(
      HttpClientRequest.setUrl(request, withoutParam(request.url, name)),
      name,
      Redacted.value(key)
    )

/** The cookies of a `cookie` header except those with this name. */
const otherCookies = (header: string, name: string): ReadonlyArray<string> =>
  header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "" && !pair.startsWith(`${name}=`))

/**
 * Sends the key as a cookie beside the other cookies of the request, and replaces a cookie of the same name.
 *
 * @since 0.1.0
 * @category locations
 */
export const cookie =
  (name: string): Location =>
  (request, key) => {
    const pair = `${name}=${encodeURIComponent(Redacted.value(key))}`
    const others = otherCookies(request.headers["cookie"] ?? "", name)
    return HttpClientRequest.setHeader(request, "cookie", [...others, pair].join("; "))
  }

/**
 * An API key, and the part of the request that carries it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where the key is sent: {@link header}, {@link query} or {@link cookie}. */
  readonly location: Location
  /** The API key. Signing fails if it is empty or blank. */
  readonly key: Redacted.Redacted<string>
}

const names: OptionNames.ShapeOf<Options> = { location: true, key: "secret" }

const put = (
  location: Location,
  request: HttpClientRequest.HttpClientRequest,
  key: Redacted.Redacted<string>
): Effect.Effect<HttpClientRequest.HttpClientRequest, InvalidRequest> =>
  isBlank(key) ? Effect.fail(blank("key")) : Effect.succeed(location(request, key))

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
export const layerConfig = (options: {
  /** Where the key is sent: {@link header}, {@link query} or {@link cookie}. */
  readonly location: Location
  /** The configuration value with the key, such as `Config.redacted("API_KEY")`. */
  readonly key: Config.Config<Redacted.Redacted<string>>
}): Layer.Layer<Auth.Auth, ConfigError.ConfigError | InvalidRequest> =>
  Layer.effect(
    Auth.Auth,
    OptionNames.check("`ApiKey`", options, names).pipe(
      Effect.zipRight(Effect.suspend(() => options.key)),
      Effect.flatMap((key) => validated({ location: options.location, key }))
    )
  )

/**
 * Several API keys for the same part of the request.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolOptions {
  /** Where the key is sent: {@link header}, {@link query} or {@link cookie}. */
  readonly location: Location
  /** The keys, in the order in which they are used. */
  readonly keys: readonly [Redacted.Redacted<string>, ...ReadonlyArray<Redacted.Redacted<string>>]
}

const poolNames: OptionNames.ShapeOf<PoolOptions> = { location: true, keys: "secret" }

/** A rejected key is not tried again within this time. Later, the server may know the key. */
const cooldownMs = 30_000

/**
 * Authenticates with the first key until the server rejects it, then with the next one.
 *
 * During a key rotation, configure both the old and the new key. One request tries each key at most once. A rejected key is
 * skipped for 30 seconds. `Unauthorized` means that all keys were rejected; later requests are then sent with the last one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pool = (options: PoolOptions): Effect.Effect<Auth.Service> =>
  Effect.sync(() => {
    const { keys, location } = OptionNames.known("`ApiKey.pool`", options, poolNames)
    let current = 0
    const refusedAt = keys.map(() => Number.NEGATIVE_INFINITY)

    const sign = (request: HttpClientRequest.HttpClientRequest) =>
      Effect.suspend(() => {
        const credential = current
        return Effect.map(put(location, request, keys[credential] ?? keys[0]), (signed) => ({
          request: signed,
          credential
        }))
      })

    const onRejected = ({ at, credential }: Auth.Rejection) =>
      Effect.sync(() => {
        if (typeof credential === "number") refusedAt[credential] = at
        if (credential !== current) return true
        for (let step = 1; step < keys.length; step++) {
          const next = (current + step) % keys.length
          if ((refusedAt[next] ?? 0) + cooldownMs > at) continue
          current = next
          return true
        }
        return false
      })

    return { sign, onRejected, replay: keys.length - 1, honorsDeadline: true }
  })

/**
 * Layer that sends the first of several API keys that the server accepts, see {@link pool}.
 *
 * Fails with `InvalidRequest` when it is built, if a key is empty.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPool = (options: PoolOptions): Layer.Layer<Auth.Auth, InvalidRequest> =>
  Layer.effect(
    Auth.Auth,
    Effect.flatMap(OptionNames.check("`ApiKey.pool`", options, poolNames), () => {
      const index = options.keys.findIndex(isBlank)
      return index === -1 ? pool(options) : Effect.fail(blankOption(`keys[${index}]`))
    })
  )
