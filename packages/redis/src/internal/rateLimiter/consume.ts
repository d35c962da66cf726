/** Takes tokens of a limit in Redis. */
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Cluster, Redis } from "ioredis"
import { createHash } from "node:crypto"
import * as RedisFailure from "../errors/redisFailure.js"
import * as Scripts from "../scripts/script.js"
import { scripts } from "./scripts.js"

const exceeded = ({ key, limit }: RateLimiter.ConsumeOptions, waitMs: number, remaining: number) =>
  new RateLimiter.RateLimitExceeded({ key, limit, remaining, retryAfter: Duration.millis(waitMs) })

const failure = (detail: string) => new RateLimiter.RateLimitStoreError({ detail: `Redis: ${detail}` })

/** The numbers of a reply, which may be anything if something else than Redis answers. */
const numbersOf = (reply: unknown): readonly [waitMs: number, remaining: number, resetMs: number] | undefined => {
  if (!Array.isArray(reply)) return undefined
  const [waitMs, remaining, resetMs] = reply.map(Number)
  if (waitMs === undefined || remaining === undefined || resetMs === undefined) return undefined
  return Number.isFinite(waitMs + remaining + resetMs) ? [waitMs, remaining, resetMs] : undefined
}

/** The key in Redis: a key is any text, and limits of different kinds have different states. */
const keyOf = (prefix: string, kind: string, key: string): string =>
  `${prefix}{${createHash("sha256").update(kind).update("\n").update(key, "utf16le").digest("base64url").slice(0, 27)}}`

/**
 * Takes tokens. Fails with `RateLimitExceeded`, and with `RateLimitStoreError` if Redis does not answer.
 *
 * @param now - for tests, the time in milliseconds in place of the server's.
 */
export const consume = (
  redis: Redis | Cluster,
  prefix: string,
  options: RateLimiter.ConsumeOptions,
  now?: number
): Effect.Effect<RateLimiter.ConsumeResult, RateLimiter.RateLimiterError> => {
  const { algorithm, onExceeded, tokens: asked } = { ...RateLimiter.defaults, ...options }
  const tokens = Math.max(0, asked ?? RateLimiter.defaults.tokens)
  const windowMs = Math.min(Math.max(1, Duration.toMillis(options.window)), Number.MAX_SAFE_INTEGER)
  // Negated, so that `NaN` is rejected too.
  if (!(tokens <= options.limit)) return Effect.fail(exceeded(options, windowMs, 0))
  const isReservation = onExceeded === "delay"
  const name = algorithm ?? RateLimiter.defaults.algorithm
  const key = keyOf(prefix, `${name} ${options.limit} ${windowMs}`, options.key)
  const args = [tokens, options.limit, windowMs, isReservation ? 1 : 0, ...(now === undefined ? [] : [now])]
  return Effect.flatMap(
    Effect.tryPromise({
      try: () => Scripts.call(redis, scripts[name], key, args),
      catch: (error) => failure(RedisFailure.describe(error).detail)
    }),
    (script): Effect.Effect<RateLimiter.ConsumeResult, RateLimiter.RateLimiterError> => {
      const numbers = numbersOf(script)
      if (numbers === undefined) return failure("the response of a script has another format")
      const [waitMs, remaining, resetMs] = numbers
      return waitMs > 0 && !isReservation
        ? exceeded(options, waitMs, remaining)
        : Effect.succeed({
            delay: Duration.millis(waitMs),
            limit: options.limit,
            remaining,
            resetAfter: Duration.millis(resetMs)
          })
    }
  )
}
