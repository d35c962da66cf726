/**
 * The public keys of an issuer, as it publishes them.
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
import * as SingleFlight from "./internal/concurrency/singleFlight.js"
import { checkedEndpoint } from "./internal/discovery/serverDiscovery.js"
import { dangerouslyAllowHttpOnLoopback } from "./internal/http/insecureHttp.js"
import * as KeySet from "./internal/jwt/jwkSet.js"
import { JwtError } from "./internal/jwt/jwtError.js"

/**
 * Where the keys of tokens are looked up.
 *
 * @since 0.1.0
 * @category models
 */
export interface Jwks {
  /**
   * The keys that a token may be signed with, by the algorithm and the key's id in its header; several where the issuer
   * has given them no ids. Fails with `JwtError`: `Key` where there is none, `Unavailable` where nobody can tell.
   */
  readonly getKeys: (header: {
    readonly alg: string
    readonly kid: string | undefined
  }) => Effect.Effect<ReadonlyArray<CryptoKey>, JwtError>
}

/**
 * Where an issuer publishes its keys: `jwks_uri` of its metadata.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** An https URL. */
  readonly uri: string
  /** See `OAuth2.dangerouslyAllowHttpOnLoopback`. */
  readonly transport?: typeof dangerouslyAllowHttpOnLoopback | undefined
}

/**
 * How long a key set is kept, and how often it is asked for.
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
  /** How long a set is used where the server does not say (`cache-control: max-age`). */
  cacheMaxAge: "10 minutes",
  /** The shortest and the longest that it may say. */
  minCacheMaxAge: "1 minute",
  maxCacheMaxAge: "1 day",
  /** How long a set is used while the server gives no other one, counted from when it was read. */
  staleIfError: "1 day",
  /** How long after a try the server is asked again for a key that it did not have, or after it did not answer. */
  cooldownDuration: "30 seconds",
  /** The same, while there is no set at all. */
  initialCooldownDuration: "1 second",
  /** How long a try may take. */
  timeout: "10 seconds"
}

/** Some sets carry certificate chains; this is enough for a hundred keys with theirs. */
const largestSet = 256 * 1024

const noKey = new JwtError({ reason: "Key", detail: "no key of its issuer fits it" })

const unavailable = (why: string): JwtError =>
  new JwtError({ reason: "Unavailable", detail: `the issuer's keys are not to be had for now: ${why}` })

const find = (set: KeySet.KeySet, header: KeySet.Wanted): Effect.Effect<ReadonlyArray<CryptoKey>, JwtError> =>
  Effect.flatMap(set.select(header), (keys) => (keys.length > 0 ? Effect.succeed(keys) : Effect.fail(noKey)))

/**
 * Keys that are at hand: a set as JSON text.
 *
 * Fails with `JwtError { reason: "Key" }` where that is no key set, or has more than a hundred keys.
 *
 * Specification: [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromJson = (text: string): Either.Either<Jwks, JwtError> =>
  Either.mapBoth(KeySet.read(text), {
    onLeft: (why) => new JwtError({ reason: "Key", detail: `the key set cannot be used: ${why}` }),
    onRight: (set) => ({ getKeys: (header) => find(set, header) })
  })

/**
 * Keys that are fetched through the `HttpClient` of the context when they are first needed, by one request however many
 * wait, and kept for as long as the server says, see {@link defaults}. A token that names a key which is not among them
 * has them fetched again, but no sooner than 30 seconds after the last time: tokens with made-up names are for nobody to
 * have the server asked with. While the server is down, the old set serves for a day.
 *
 * No redirect is followed; an answer is read up to 256 KiB, and one of more than a hundred keys is refused.
 *
 * Fails with `InvalidRequest` where the URL is no https one.
 *
 * Specification: [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5),
 * [RFC 9111 §5.2.2.1](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ transport, uri }: Options): Effect.Effect<Jwks, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    yield* Effect.mapError(checkedEndpoint(uri, transport === dangerouslyAllowHttpOnLoopback), () => notHttps)
    const client = Transport.fromHttpClient(yield* HttpClient.HttpClient).pipe(
      Transport.bufferBodies(largestSet),
      Timeout.call(defaults.timeout)
    )
    const request = HttpClientRequest.get(uri).pipe(HttpClientRequest.setHeader("accept", accepted))
    const fetched = client.execute(request).pipe(
      Effect.mapError(({ message }) => unavailable(message)),
      Effect.flatMap(setOf)
    )
    const shelf = new Shelf()
    // Of its own, and never closed: what is under way ends by its time-out, and leaves nothing behind.
    const scope = yield* Scope.make()
    const limits = {
      firstStep: Duration.toMillis(defaults.timeout),
      lost: (ms: number) => unavailable(`the request took longer than ${Duration.format(Duration.millis(ms))}`)
    }
    const flight = yield* Scope.extend(SingleFlight.make(kept(fetched, shelf), limits), scope)
    return { getKeys: finding(shelf, flight) }
  })

const accepted = "application/jwk-set+json, application/json"

const notHttps = new InvalidRequest({
  reason: "Url",
  detail: "the URL of the key set is no https one: whoever is in between could put his keys there"
})

interface Fetched {
  readonly set: KeySet.KeySet
  readonly lifetimeMs: number
}

const setOf = (response: HttpClientResponse): Effect.Effect<Fetched, JwtError> => {
  if (response.status !== 200) return Effect.fail(unavailable(`the server answered ${response.status}`))
  return Effect.flatMap(
    // The body was read with the exchange; reading it again cannot fail.
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

/** Whether `now` lies in the time after `since`: one that the clock was set back before does not. */
const within = (now: number, since: number, ms: number): boolean => now >= since && now < since + ms

/** What is known of the server's keys, and when it was asked. */
class Shelf {
  fetched: (Fetched & { readonly at: number }) | undefined
  tried: { readonly at: number; readonly failure: JwtError | undefined } | undefined

  /** The set, as long as the server said that it is good; or as long as it may be used where there is no other. */
  fresh(now: number): KeySet.KeySet | undefined {
    return this.within(now, this.fetched?.lifetimeMs ?? 0)
  }

  stale(now: number): KeySet.KeySet | undefined {
    return this.within(now, Duration.toMillis(defaults.staleIfError))
  }

  isCooling(now: number): boolean {
    const ms = Duration.toMillis(
      this.stale(now) === undefined ? defaults.initialCooldownDuration : defaults.cooldownDuration
    )
    return this.tried !== undefined && within(now, this.tried.at, ms)
  }

  private within(now: number, ms: number): KeySet.KeySet | undefined {
    return this.fetched !== undefined && within(now, this.fetched.at, ms) ? this.fetched.set : undefined
  }
}

const kept = (fetching: Effect.Effect<Fetched, JwtError>, shelf: Shelf): Effect.Effect<KeySet.KeySet, JwtError> =>
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

const finding = (shelf: Shelf, flight: SingleFlight.Flight<KeySet.KeySet, JwtError>): Jwks["getKeys"] => {
  const newerThan = (known: KeySet.KeySet | undefined) =>
    flight.join(() => (shelf.fetched?.set === known ? undefined : shelf.fetched?.set))

  const current = (now: number): Effect.Effect<KeySet.KeySet, JwtError> => {
    const fresh = shelf.fresh(now)
    if (fresh !== undefined) return Effect.succeed(fresh)
    const failure = shelf.isCooling(now) ? shelf.tried?.failure : undefined
    const another = failure === undefined ? newerThan(shelf.fetched?.set) : Effect.fail(failure)
    return Effect.catchAll(another, (error) => orElseFail(shelf.stale(now), error))
  }

  /** Under a name that is not known there may be a new key by now; without a name, a new one may fit. */
  const elsewhere = (now: number, known: KeySet.KeySet, header: KeySet.Wanted, error: JwtError) =>
    shelf.isCooling(now)
      ? Effect.fail(shelf.tried?.failure ?? error)
      : Effect.flatMap(newerThan(known), (set) => find(set, header))

  return (header) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.flatMap(current(now), (set) =>
        Effect.catchAll(find(set, header), (error) => elsewhere(now, set, header, error))
      )
    )
}

const orElseFail = <A, E>(value: A | undefined, error: E): Effect.Effect<A, E> =>
  value === undefined ? Effect.fail(error) : Effect.succeed(value)
