/** The scheme of a pool of API keys, and its options. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as OptionNames from "../options/optionNames.js"
import { blank, blankOption, isBlank } from "../schemes/invalidCredential.js"
import * as KeyReader from "./keyReader.js"
import type { PooledKey, Strategy } from "./keyRing.js"
import { KeyRing } from "./keyRing.js"
import type { Location } from "./location.js"

/**
 * How a pool of keys uses them.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolBehaviour {
  /** Where the key is sent: `header`, `query` or `cookie`. */
  readonly location: Location
  /** Which key a request uses (`sticky`). */
  readonly strategy?: Strategy | undefined
  /**
   * What the rate limits of the server apply to. With `account` (the default), a 429 stops the requests of all keys. With `key`
   * it stops those of one key: use it only if the provider gives each key its own limit. `leastThrottled` has the default `key`.
   */
  readonly rateLimitScope?: "account" | "key" | undefined
}

/**
 * Several API keys for the same part of the request.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolOptions extends PoolBehaviour {
  /** The keys, in the order in which they are used: the newest one first. */
  readonly keys: readonly [Redacted.Redacted<string>, ...ReadonlyArray<Redacted.Redacted<string>>]
}

/**
 * Several API keys that are read from a secret store or the configuration.
 *
 * @since 0.1.0
 * @category models
 */
export interface SourcedPoolOptions<out E, out R> extends PoolBehaviour {
  /** Reads the keys: the newest one first. It runs when the pool is made, and again if the server rejects all keys. */
  readonly keys: Effect.Effect<ReadonlyArray<Redacted.Redacted<string>>, E, R>
  /** Minimum time between two readings of `keys` after rejections (30 s). */
  readonly readInterval?: Duration.DurationInput | undefined
}

export type AnyPoolOptions<E, R> = PoolOptions | SourcedPoolOptions<E, R>

export const poolNames: OptionNames.ShapeOf<PoolOptions> = {
  location: true,
  keys: "secret",
  strategy: true,
  rateLimitScope: true
}

export const sourcedPoolNames: OptionNames.ShapeOf<SourcedPoolOptions<unknown, unknown>> = {
  ...poolNames,
  readInterval: "duration"
}

/** An effect in `keys` may return more keys later. Each replay uses another key. */
const maxReplays = 10

/** Adds the key of a ring to requests. */
const makeSigner = ({ location }: Pick<PoolOptions, "location">, ring: KeyRing, isKeyLimited: boolean) => {
  const signWith = (request: HttpClientRequest, { id, key }: PooledKey): Auth.Signed => ({
    request: location(request, key),
    credential: id,
    ...(isKeyLimited && { onResponse: ({ status }) => void (status < 400 && ring.accept(id)) })
  })
  const signSync = (request: HttpClientRequest): Auth.Signed | undefined => {
    const next = ring.next()
    return next === undefined || isBlank(next.key) ? undefined : signWith(request, next)
  }
  return {
    signSync,
    sign: (request: HttpClientRequest) =>
      Effect.suspend(() => {
        const signed = signSync(request)
        return signed === undefined ? Effect.fail(blank("key")) : Effect.succeed(signed)
      })
  }
}

const isEffect = <E, R>(
  keys: AnyPoolOptions<E, R>["keys"]
): keys is Effect.Effect<ReadonlyArray<Redacted.Redacted<string>>, E, R> => Effect.isEffect(keys)

type Read<E, R> = (
  keys: ReadonlyArray<Redacted.Redacted<string>>
) => Effect.Effect<ReadonlyArray<Redacted.Redacted<string>>, E, R>

const makeWith = <E, R, E1>(options: AnyPoolOptions<E, R>, validate: Read<E1, never>) =>
  Effect.gen(function* () {
    const { keys, strategy = "sticky" } = options
    const { readInterval = "30 seconds" } = "readInterval" in options ? options : {}
    const { rateLimitScope = strategy === "leastThrottled" ? "key" : "account" } = options
    const initial = yield* Effect.flatMap(isEffect(keys) ? keys : Effect.succeed(keys), validate)
    const clock = yield* Effect.clock
    const ring = new KeyRing(initial, strategy, clock)
    const readAgain = isEffect(keys)
      ? yield* KeyReader.make(ring, keys, clock, Duration.toMillis(readInterval))
      : undefined
    const isKeyLimited = rateLimitScope === "key"
    const service: Auth.Service = {
      ...makeSigner(options, ring, isKeyLimited),
      onRejected: ({ credential }) =>
        Effect.suspend(() => {
          if (ring.reject(credential)) return Effect.succeed(true)
          return readAgain === undefined ? Effect.succeed(false) : Effect.map(readAgain, () => ring.reject(credential))
        }),
      ...(isKeyLimited && {
        onRateLimited: (credential, { headers, status }) =>
          // A 413 is about one request.
          status === 413
            ? undefined
            : ring.throttle(credential, RetryAfter.parse(headers, clock.unsafeCurrentTimeMillis())?.delayMs)
      }),
      replay: readAgain === undefined ? initial.length - 1 : Math.max(maxReplays, initial.length),
      honorsDeadline: true
    }
    return service
  })

/** A pool. Its requests fail if a key is blank. */
export const makePool = <E, R>(options: AnyPoolOptions<E, R>): Effect.Effect<Auth.Service, E, R> =>
  makeWith(options, Effect.succeed)

const noKey = new InvalidRequest({
  reason: "Options",
  detail: "`keys` has no key. Add one to the secret store or the configuration that it is read from."
})

const checkKeys: Read<InvalidRequest, never> = (keys) => {
  if (keys.length === 0) return Effect.fail(noKey)
  const index = keys.findIndex(isBlank)
  return index === -1 ? Effect.succeed(keys) : Effect.fail(blankOption(`keys[${index}]`))
}

/** A pool of keys that are not blank. */
export const makeCheckedPool = <E, R>(
  options: AnyPoolOptions<E, R>
): Effect.Effect<Auth.Service, E | InvalidRequest, R> => makeWith(options, checkKeys)
