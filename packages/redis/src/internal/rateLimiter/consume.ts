/** Takes tokens of a limit in Redis. */
import { BoundedMap } from "@countersign/client/BoundedMap"
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Cluster, Redis } from "ioredis"
import { createHash } from "node:crypto"
import * as RedisFailure from "../errors/redisFailure.js"
import * as Scripts from "../scripts/script.js"
import { scripts } from "./scripts.js"

const exceeded = ({ key, limit }: RateLimiter.ConsumeOptions, waitMs: number, remaining: number) =>
  new RateLimiter.RateLimitExceeded({ key, limit, remaining, retryAfter: Duration.millis(waitMs) })

/** The key of a limit holds data of another type or format. They are left as they are, and Redis serves the other limits. */
export class UnusableKey extends Data.TaggedError("UnusableKey")<{ readonly error: RateLimiter.RateLimitStoreError }> {}

const failure = (detail: string) => new RateLimiter.RateLimitStoreError({ detail: `Redis: ${detail}` })

/** The numbers of a reply, which may be anything if something else than Redis answers. */
const numbersOf = (reply: unknown): readonly [waitMs: number, remaining: number, resetMs: number] | undefined => {
  if (!Array.isArray(reply)) return undefined
  const [waitMs, remaining, resetMs] = reply.map(Number)
  if (waitMs === undefined || remaining === undefined || resetMs === undefined) return undefined
  return Number.isFinite(waitMs + remaining + resetMs) ? [waitMs, remaining, resetMs] : undefined
}

const hashOf = (kind: string, key: string): string =>
  createHash("sha256").update(kind).update("\n").update(key, "utf16le").digest("base64url").slice(0, 27)

/** A Redis with the keys of a limiter. */
export interface Place {
  readonly redis: Redis | Cluster
  readonly prefix: string
  /** Maximum time until a script has a response. */
  readonly timeoutMs: number
  /** The key in Redis of a limit: a key is any text, and limits of different kinds have different states. */
  readonly keyOf: (kind: string, key: string) => string
}

/** Maximum number of keys with a known hash, and maximum length of such a key. */
const maxHashes = { count: 1000, length: 1000 } as const

/** Makes a place. Hashes of used keys are kept, because hashing takes longer than sending a command. */
export const place = (fields: Omit<Place, "keyOf">): Place => {
  const hashes = new BoundedMap<string>(maxHashes.count)
  const keyOf = (kind: string, key: string): string => {
    const name = `${kind}\n${key}`
    const known = hashes.get(name)
    if (known !== undefined) return known
    const made = `${fields.prefix}{${hashOf(kind, key)}}`
    if (name.length <= maxHashes.length) hashes.set(name, made)
    return made
  }
  return { ...fields, keyOf }
}

type Result = Effect.Effect<RateLimiter.ConsumeResult, RateLimiter.RateLimiterError | UnusableKey>

/** The error of a script. One that names a line of the script comes from the state, which the script could not read. */
const errorOf = (error: Error): RateLimiter.RateLimitStoreError | UnusableKey => {
  const { code, detail } = RedisFailure.describe(error)
  const isUnreadable = code === "ERR" && /\buser_script:\d/.test(error.message)
  if (code === "WRONGTYPE") return new UnusableKey({ error: failure(detail) })
  if (!isUnreadable) return failure(detail)
  return new UnusableKey({ error: failure("the key holds data of another format. Set another `prefix`") })
}

/** The result of a script. */
const resultOf = (options: RateLimiter.ConsumeOptions, isReservation: boolean, reply: unknown): Result => {
  const numbers = numbersOf(reply)
  if (numbers === undefined) return Effect.fail(failure("the response of a script has another format"))
  const [waitMs, remaining, resetMs] = numbers
  return waitMs > 0 && !isReservation
    ? Effect.fail(exceeded(options, waitMs, remaining))
    : Effect.succeed({
        delay: Duration.millis(waitMs),
        limit: options.limit,
        remaining,
        resetAfter: Duration.millis(resetMs)
      })
}

const silent = (timeoutMs: number) =>
  failure(`no response within \`timeout\` (${Duration.format(Duration.millis(timeoutMs))})`)

/**
 * Takes tokens. Fails with `RateLimitExceeded`, with `RateLimitStoreError` if Redis does not answer in time, and with
 * `UnusableKey`. A timer of
 * Node costs a fraction of `Effect.timeout`, which starts two fibers.
 *
 * @param now - for tests, the time in milliseconds in place of the server's.
 */
export const consume = (
  { keyOf, redis, timeoutMs }: Place,
  options: RateLimiter.ConsumeOptions,
  now?: number
): Result => {
  const { algorithm, onExceeded, tokens: asked } = { ...RateLimiter.defaults, ...options }
  const tokens = Math.max(0, asked ?? RateLimiter.defaults.tokens)
  const windowMs = Math.min(Math.max(1, Duration.toMillis(options.window)), Number.MAX_SAFE_INTEGER)
  // Negated, so that `NaN` is rejected too.
  if (!(tokens <= options.limit)) return Effect.fail(exceeded(options, windowMs, 0))
  const isReservation = onExceeded === "delay"
  const name = algorithm ?? RateLimiter.defaults.algorithm
  const key = keyOf(`${name} ${options.limit} ${windowMs}`, options.key)
  const args = [tokens, options.limit, windowMs, isReservation ? 1 : 0, ...(now === undefined ? [] : [now])]
  // Without an effect for interruption, which would cost as much as the rest. The response is then ignored.
  return Effect.async((resume) => {
    const timer = setTimeout(() => {
      resume(silent(timeoutMs))
    }, timeoutMs).unref()
    Scripts.send(redis, scripts[name], key, args, (error, reply) => {
      clearTimeout(timer)
      resume(error === undefined ? resultOf(options, isReservation, reply) : Effect.fail(errorOf(error)))
    })
  })
}
