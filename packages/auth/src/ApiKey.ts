/**
 * API keys: in a header, in the query or in a cookie, and a pool of them that moves on when one is refused.
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
import * as Schedule from "effect/Schedule"
import { blank, isBlank } from "./internal/schemes/emptyCredential.js"

/**
 * Where an API expects its key: what puts it there.
 *
 * @since 0.1.0
 * @category models
 */
export type Location = (
  request: HttpClientRequest.HttpClientRequest,
  key: Redacted.Redacted<string>
) => HttpClientRequest.HttpClientRequest

/**
 * The key is the value of a header field, after a prefix such as `Token ` where the API wants one.
 *
 * @since 0.1.0
 * @category places
 */
export const header =
  (name: string, prefix = ""): Location =>
  (request, key) =>
    HttpClientRequest.setHeader(request, name, prefix + Redacted.value(key))

/** A URL without the parameters of a name; everything else in its query stays byte for byte. */
const withoutParam = (url: string, name: string): string => {
  const [target = "", hash] = url.split(/(?=#)/, 2)
  const start = target.indexOf("?")
  const pairs = start === -1 ? [] : target.slice(start + 1).split("&")
  const others = pairs.filter((pair) => !new URLSearchParams(pair).has(name))
  if (others.length === pairs.length) return url
  return target.slice(0, start) + (others.length === 0 ? "" : `?${others.join("&")}`) + (hash ?? "")
}

/**
 * The key is a parameter of the query. URLs end up in logs and histories: take a header where the API has one. It takes the
 * place of a parameter of its name.
 *
 * @since 0.1.0
 * @category places
 */
export const query =
  (name: string): Location =>
  (request, key) =>
    HttpClientRequest.setUrlParam(
      HttpClientRequest.setUrl(request, withoutParam(request.url, name)),
      name,
      Redacted.value(key)
    )

/** The cookies of a header but for those of a name. */
const otherCookies = (header: string, name: string): ReadonlyArray<string> =>
  header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "" && !pair.startsWith(`${name}=`))

/**
 * The key is a cookie, added to those that the request has. It takes the place of a cookie of its name.
 *
 * @since 0.1.0
 * @category places
 */
export const cookie =
  (name: string): Location =>
  (request, key) => {
    const pair = `${name}=${encodeURIComponent(Redacted.value(key))}`
    const others = otherCookies(request.headers["cookie"] ?? "", name)
    return HttpClientRequest.setHeader(request, "cookie", [...others, pair].join("; "))
  }

/**
 * A key and its place.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly location: Location
  readonly key: Redacted.Redacted<string>
}

const put = (
  place: Location,
  request: HttpClientRequest.HttpClientRequest,
  key: Redacted.Redacted<string>
): Effect.Effect<HttpClientRequest.HttpClientRequest, InvalidRequest> =>
  isBlank(key) ? Effect.fail(blank("key")) : Effect.succeed(place(request, key))

/**
 * Sends one key. Signing fails with `InvalidRequest { reason: "Credentials" }` where it is empty or blank.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ key, location }: Options): Auth.Service =>
  Auth.makeStaticEffect((request) => put(location, request, key))

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Auth.Auth> => Layer.succeed(Auth.Auth, make(options))

/**
 * {@link layer} with the key from the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (options: {
  readonly place: Location
  readonly key: Config.Config<Redacted.Redacted<string>>
}): Layer.Layer<Auth.Auth, ConfigError.ConfigError> =>
  Layer.effect(
    Auth.Auth,
    Effect.map(options.key, (key) => make({ location: options.place, key }))
  )

/**
 * Several keys for one place, in the order in which they are to be used.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolOptions {
  readonly location: Location
  readonly keys: readonly [Redacted.Redacted<string>, ...ReadonlyArray<Redacted.Redacted<string>>]
}

/** A key that was refused may be known to the server by now, or be refused again: it is not asked sooner than this. */
const cooldownMs = 30_000

/**
 * Sends the first key until the server refuses it, then the next one: old and new key can both be configured while
 * an API's keys are rotated. One request goes through the keys at most once; a key that was refused is not moved on
 * to again for 30 seconds, and `Unauthorized` means that all of them are refused: requests go on with the last one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pool = ({ keys, location }: PoolOptions): Effect.Effect<Auth.Service> =>
  Effect.sync(() => {
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

    return { sign, onRejected, replay: Schedule.recurs(keys.length - 1) }
  })

/**
 * {@link pool} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPool = (options: PoolOptions): Layer.Layer<Auth.Auth> => Layer.effect(Auth.Auth, pool(options))
