/**
 * JSON Web Key Sets (RFC 7517): the public keys that an issuer publishes.
 *
 * Specification: [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517).
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { InvalidRequest } from "@countersign/client/Errors"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Scope from "effect/Scope"
import type { CryptoKey } from "jose"
import * as SingleFlight from "./internal/concurrency/singleFlight.js"
import { validateEndpoint } from "./internal/discovery/serverDiscovery.js"
import { dangerouslyAllowHttpOnLoopback } from "./internal/http/insecureHttp.js"
import * as KeySet from "./internal/jwt/jwkSet.js"
import { JwtError } from "./internal/jwt/jwtError.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * Looks up the keys that verify tokens, see {@link make} and {@link fromJson}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Jwks {
  /**
   * Finds the keys that may have signed a token, by the algorithm and the key id of its header. There can be several if the
   * keys have no ids.
   *
   * Fails with `JwtError`: `Key` if no key matches, `Unavailable` if the keys cannot be fetched.
   */
  readonly getKeys: (header: {
    readonly alg: string
    readonly kid: string | undefined
  }) => Effect.Effect<ReadonlyArray<CryptoKey>, JwtError>
}

/**
 * The URL of an issuer's key set.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The https URL of the key set: `jwks_uri` of the issuer's metadata. */
  readonly uri: string
  /** Allows plain http for a key set on loopback, see `OAuth2.dangerouslyAllowHttpOnLoopback`. */
  readonly transport?: typeof dangerouslyAllowHttpOnLoopback | undefined
}

const names: OptionNames.ShapeOf<Options> = { uri: true, transport: true }

/**
 * How long a key set is cached, and how often it is fetched.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: Readonly<
  Record<
    | "cacheMaxAge"
    | "minCacheMaxAge"
    | "maxCacheMaxAge"
    | "staleIfError"
    | "cooldownDuration"
    | "initialCooldownDuration"
    | "timeout",
    Duration.DurationInput
  >
> = {
  /** How long a key set is used if the server sends no `cache-control: max-age`. */
  cacheMaxAge: "10 minutes",
  /** The shortest lifetime: a smaller `max-age` is raised to it. */
  minCacheMaxAge: "1 minute",
  /** The longest lifetime: a greater `max-age` is lowered to it. */
  maxCacheMaxAge: "1 day",
  /** How long a key set is used if no newer one can be fetched, counted from when it was read. */
  staleIfError: "1 day",
  /** How long to wait after a fetch before the next one, for an unknown key or after a failure. */
  cooldownDuration: "30 seconds",
  /** How long to wait after a failure while no key set is cached. */
  initialCooldownDuration: "1 second",
  /** How long one fetch may take. */
  timeout: "10 seconds"
}

/** Some key sets contain certificate chains. This is enough for a hundred keys with their chains. */
const maxSetBytes = 256 * 1024

const noKey = new JwtError({
  reason: "Key",
  detail: "no key of the issuer matches the algorithm and the key id of the token"
})

const unavailable = (why: string): JwtError =>
  new JwtError({ reason: "Unavailable", detail: `the issuer's keys are not available: ${why}` })

const find = (set: KeySet.KeySet, header: KeySet.KeyHeader): Effect.Effect<ReadonlyArray<CryptoKey>, JwtError> =>
  Effect.flatMap(set.select(header), (keys) => (keys.length > 0 ? Effect.succeed(keys) : Effect.fail(noKey)))

/**
 * Makes a key set from JSON text, without any request.
 *
 * Fails with `JwtError { reason: "Key" }` if the text is not a key set, or has more than a hundred keys.
 *
 * Specification: [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromJson = (text: string): Effect.Effect<Jwks, JwtError> =>
  Effect.mapBoth(KeySet.read(text), {
    onFailure: (why) => new JwtError({ reason: "Key", detail: `invalid key set: ${why}` }),
    onSuccess: (set) => ({ getKeys: (header) => find(set, header) })
  })

/**
 * Makes a key set that is fetched through the `HttpClient` of the context at first use.
 *
 * Concurrent callers share one request. The key set is cached for as long as the server says, see {@link defaults}. If a
 * token names an unknown key, the key set is fetched again, at most every 30 seconds. Tokens with invented key ids
 * therefore cannot flood the server. While the server is unavailable, the cached key set is used for a day.
 *
 * No redirect is followed. At most 256 KiB of a response are read, and a key set with more than a hundred keys is rejected.
 *
 * Fails with `InvalidRequest` if the URL is not an https URL.
 *
 * Specification: [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5),
 * [RFC 9111 §5.2.2.1](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.1).
 *
 * @example
 * import * as Jwks from "@countersign/auth/Jwks"
 * import * as Jwt from "@countersign/auth/Jwt"
 * import * as Effect from "effect/Effect"
 * import type * as Redacted from "effect/Redacted"
 *
 * // Make it once: all tokens are verified with the cached key set, and a new key of the issuer is fetched when it is used.
 * const makeVerify = Effect.gen(function* () {
 *   const keys = yield* Jwks.make({ uri: "https://auth.example.com/jwks" })
 *   return (token: Redacted.Redacted<string>) =>
 *     Jwt.verify(token, {
 *       issuer: "https://auth.example.com",
 *       audience: "https://orders.example.com",
 *       algorithms: ["ES256"],
 *       keys
 *     })
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Jwks, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    yield* OptionNames.check("`Jwks`", options, names)
    const { transport, uri } = options
    yield* Effect.mapError(validateEndpoint(uri, transport === dangerouslyAllowHttpOnLoopback), () => notHttps)
    const client = Transport.fromHttpClient(yield* HttpClient.HttpClient).pipe(
      Transport.bufferBodies(maxSetBytes),
      Timeout.call(defaults.timeout)
    )
    const request = HttpClientRequest.get(uri).pipe(HttpClientRequest.setHeader("accept", accepted))
    const fetched = client.execute(request).pipe(
      Effect.mapError(({ message }) => unavailable(message)),
      Effect.flatMap(setOf)
    )
    const shelf = new JwksCache()
    // This scope is never closed: a running fetch ends by its timeout and needs no cleanup.
    const scope = yield* Scope.make()
    const limits = {
      firstStep: Duration.toMillis(defaults.timeout),
      lost: (ms: number) => unavailable(`the request took longer than ${Duration.format(Duration.millis(ms))}`)
    }
    const flight = yield* Scope.extend(SingleFlight.make(fetchAndCache(fetched, shelf), limits), scope)
    return { getKeys: makeGetKeys(shelf, flight) }
  })

const accepted = "application/jwk-set+json, application/json"

const notHttps = new InvalidRequest({
  reason: "Url",
  detail: "`uri` is not an https URL, so an attacker on the network could replace the keys. Use https."
})

interface Fetched {
  readonly set: KeySet.KeySet
  readonly lifetimeMs: number
}

const setOf = (response: HttpClientResponse): Effect.Effect<Fetched, JwtError> => {
  if (response.status !== 200) return Effect.fail(unavailable(`the server answered ${response.status}`))
  return Effect.flatMap(
    // The body is buffered: reading it again cannot fail.
    Effect.orElseSucceed(response.text, () => ""),
    (text) =>
      Either.mapBoth(KeySet.read(text), {
        onLeft: (why) => unavailable(why),
        onRight: (set) => ({ set, lifetimeMs: lifetimeOf(response.headers["cache-control"] ?? "") })
      })
  )
}

const lifetimeOf = (cacheControl: string): number => {
  const [, seconds] = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(cacheControl.slice(0, 1000)) ?? []
  if (seconds === undefined) return Duration.toMillis(defaults.cacheMaxAge)
  return Duration.toMillis(
    Duration.clamp(Duration.seconds(Number(seconds)), {
      minimum: defaults.minCacheMaxAge,
      maximum: defaults.maxCacheMaxAge
    })
  )
}

/** Whether `now` lies in the `ms` milliseconds from `since`. False if the clock was set back to before `since`. */
const isWithin = (now: number, since: number, ms: number): boolean => now >= since && now < since + ms

/** The cached key set, and the time and the result of the last fetch. */
class JwksCache {
  fetched: (Fetched & { readonly at: number }) | undefined
  tried: { readonly at: number; readonly failure: JwtError | undefined } | undefined

  /** The key set while its lifetime lasts. */
  fresh(now: number): KeySet.KeySet | undefined {
    return this.isWithin(now, this.fetched?.lifetimeMs ?? 0)
  }

  /** The key set while it may be used because no newer one can be fetched. */
  stale(now: number): KeySet.KeySet | undefined {
    return this.isWithin(now, Duration.toMillis(defaults.staleIfError))
  }

  isInCooldown(now: number): boolean {
    const ms = Duration.toMillis(
      this.stale(now) === undefined ? defaults.initialCooldownDuration : defaults.cooldownDuration
    )
    return this.tried !== undefined && isWithin(now, this.tried.at, ms)
  }

  private isWithin(now: number, ms: number): KeySet.KeySet | undefined {
    return this.fetched !== undefined && isWithin(now, this.fetched.at, ms) ? this.fetched.set : undefined
  }
}

const fetchAndCache = (
  fetching: Effect.Effect<Fetched, JwtError>,
  shelf: JwksCache
): Effect.Effect<KeySet.KeySet, JwtError> =>
  Effect.flatMap(Clock.currentTimeMillis, (begun) => {
    shelf.tried = { at: begun, failure: undefined }
    return fetching.pipe(
      Effect.tapError((failure) => Effect.sync(() => (shelf.tried = { at: begun, failure }))),
      Effect.zip(Clock.currentTimeMillis),
      Effect.map(([fetched, at]) => {
        shelf.fetched = { ...fetched, at }
        return fetched.set
      })
    )
  })

const makeGetKeys = (shelf: JwksCache, flight: SingleFlight.Flight<KeySet.KeySet, JwtError>): Jwks["getKeys"] => {
  const newerThan = (known: KeySet.KeySet | undefined) =>
    flight.run(() => (shelf.fetched?.set === known ? undefined : shelf.fetched?.set))

  const current = (now: number): Effect.Effect<KeySet.KeySet, JwtError> => {
    const fresh = shelf.fresh(now)
    if (fresh !== undefined) return Effect.succeed(fresh)
    const failure = shelf.isInCooldown(now) ? shelf.tried?.failure : undefined
    const another = failure === undefined ? newerThan(shelf.fetched?.set) : Effect.fail(failure)
    return Effect.catchAll(another, (error) => orElseFail(shelf.stale(now), error))
  }

  /** The server may have published a new key since: one with the unknown id, or one without an id. */
  const findAfterReload = (now: number, known: KeySet.KeySet, header: KeySet.KeyHeader, error: JwtError) =>
    shelf.isInCooldown(now)
      ? Effect.fail(shelf.tried?.failure ?? error)
      : Effect.flatMap(newerThan(known), (set) => find(set, header))

  return (header) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.flatMap(current(now), (set) =>
        Effect.catchAll(find(set, header), (error) => findAfterReload(now, set, header, error))
      )
    )
}

const orElseFail = <A, E>(value: A | undefined, error: E): Effect.Effect<A, E> =>
  value === undefined ? Effect.fail(error) : Effect.succeed(value)
