/**
 * Rate limits in Redis: processes count their requests together, and a 429 that one of them receives makes the requests of all
 * wait.
 *
 * @since 0.1.0
 */
import * as RateLimit from "@countersign/client/RateLimit"
import * as RateLimiter from "@countersign/client/RateLimiter"
import * as Origin from "@countersign/protocol/Origin"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import * as OptionNames from "./internal/options/optionNames.js"
import type { LocalThrottle } from "./internal/throttle/localThrottle.js"
import { makeLocalThrottle } from "./internal/throttle/localThrottle.js"
import { SharedThrottles } from "./internal/throttle/sharedThrottles.js"
import { subscribe } from "./internal/throttle/subscribe.js"
import { RedisClient } from "./RedisClient.js"
import * as RedisRateLimiter from "./RedisRateLimiter.js"

/**
 * Options of {@link throttle} and {@link layerThrottle}: those of `RateLimit.throttle`, the key, and the maximum.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThrottleOptions extends RateLimit.ThrottleOptions {
  /** Text before the name of the key and of the channel (`countersign:throttle:`). */
  readonly prefix?: string | undefined
  /**
   * Maximum time that requests wait because of a response that another process received (60 s). The process that received it
   * waits for as long as the server asked.
   */
  readonly maxSharedThrottle?: Duration.DurationInput | undefined
}

const throttleNames: OptionNames.ShapeOf<ThrottleOptions> = {
  onExceeded: true,
  maxWait: "duration",
  maxThrottle: "duration",
  account: true,
  key: true,
  maxKeys: "count",
  prefix: true,
  maxSharedThrottle: "duration"
}

/**
 * Options of {@link make} and {@link layer}: those of `RateLimit.make`, with a shared throttle and a shared limiter.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<RateLimit.Options, "throttle"> {
  /** Options of the shared {@link throttle}. `false` turns off the throttle, and `useRemainingHeaders` with it. */
  readonly throttle?: ThrottleOptions | false | undefined
  /** Options of the `RedisRateLimiter` that counts the requests: its keys, and what happens without Redis. */
  readonly limiter?: RedisRateLimiter.Options | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  limits: true,
  onExceeded: true,
  maxWait: "duration",
  throttle: throttleNames,
  useRemainingHeaders: true,
  limiter: true
}

/**
 * Default values of {@link ThrottleOptions}, beside those of `RateLimit.defaults`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  /** Text before the name of the key and of the channel. */
  prefix: "countersign:throttle:",
  /** Maximum time that requests wait because of a response that another process received. */
  maxSharedThrottle: "60 seconds"
} as const

/** Wait after a 429 without a time, in milliseconds: the first of `RateLimit.throttle`. */
const unspecifiedMs = 1000

/** Time between two reads of all throttles. They replace messages that a lost connection has lost without an error. */
const readInterval = Duration.seconds(10)

/**
 * Makes a throttle as `RateLimit.throttle` does, which the processes with this Redis share: after a 429 that one of them
 * receives, the requests of all of them to that origin and account wait.
 *
 * - **Shared**: a 429, for the time that the server named, else for 1 s, and at most for `maxSharedThrottle`. The other
 *   responses that start a throttle do so in their process only, because an overload may concern one connection.
 * - **Time**: durations are sent, and Redis measures them with its clock. So processes may have different clocks.
 * - **Delay**: a request never waits for Redis. Until the message arrives, the other processes send requests.
 * - **Outage**: while Redis is unreachable, each process has its own throttle. After it, the process reads the throttles that
 *   it missed, and at least every 10 s.
 * - **Account**: `account` and `key` must give the same texts in all processes. Redis stores a hash of them, and the origin.
 *
 * It needs a second connection for messages, and the commands EVAL, EVALSHA, SUBSCRIBE, PUBLISH, and those of sorted sets.
 *
 * @param options - waits, maximum delay, and how requests are grouped. See {@link ThrottleOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const throttle = (
  options: ThrottleOptions = {}
): Effect.Effect<RateLimit.Service, never, RedisClient | Scope.Scope> =>
  Effect.suspend(() =>
    makeThrottle(OptionNames.known("`RedisRateLimit.throttle`", options, throttleNames), RateLimit.throttle)
  )

const makeThrottle = (options: ThrottleOptions, makeLocal: (options: RateLimit.ThrottleOptions) => RateLimit.Service) =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    const clock = yield* Effect.clock
    const local = makeLocalThrottle(options, makeLocal)
    const run = yield* FiberSet.makeRuntime<never>()
    const name = `${options.prefix ?? defaults.prefix}active`
    const shared = new SharedThrottles({
      redis,
      name,
      self: randomUUID(),
      maxMs: Duration.toMillis(options.maxSharedThrottle ?? defaults.maxSharedThrottle),
      maxKeys: options.maxKeys ?? RateLimit.defaults.maxKeys,
      monotonic: () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n),
      onThrottle: (found) => void run(local.start(found))
    })
    const read = Effect.ignore(Effect.tryPromise(() => shared.read()))
    const receive = (message: string) => {
      shared.receive(message)
    }
    yield* subscribe(redis, name, receive, () => void run(read))
    yield* Effect.forkScoped(Effect.repeat(read, Schedule.spaced(readInterval)))
    return sharing(local, shared)
  })

/** The throttle of this process, which sends its 429s to the others. */
const sharing = ({ hashOf, service }: LocalThrottle, shared: SharedThrottles): RateLimit.Service => {
  const send = (request: HttpClientRequest, response: HttpClientResponse) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const ms = RetryAfter.parse(response.headers, now)?.delayMs ?? unspecifiedMs
      if (ms > 0) shared.send({ origin: Origin.of(request.url), hash: hashOf(request), ms })
    })
  return {
    acquire: service.acquire,
    onResponse: (request, response, sent) =>
      Effect.zipRight(
        service.onResponse(request, response, sent),
        response.status === 429 ? send(request, response) : Effect.void
      ),
    end: service.end
  }
}

/**
 * Makes rate limits as `RateLimit.make` does, which the processes with this Redis share: a {@link throttle}, and limits that a
 * `RedisRateLimiter` counts.
 *
 * A request waits until the throttle is over and all its limits have capacity. While Redis is unreachable, the throttle and, by
 * default, the limits of this process apply: see `onUnavailable` of `limiter`.
 *
 * @param options - the limits, waits, the throttle and the limiter. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<RateLimit.Service, never, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { limiter, throttle, ...others } = OptionNames.known("`RedisRateLimit`", options, names)
    const makeLocal = others.useRemainingHeaders === true ? RateLimit.throttleOnExhausted : RateLimit.throttle
    const shared = throttle === false ? false : yield* makeThrottle(throttle ?? {}, makeLocal)
    return yield* Effect.provideServiceEffect(
      RateLimit.make({ ...others, throttle: shared }),
      RateLimiter.RateLimiter,
      RedisRateLimiter.make(limiter)
    )
  })

/**
 * Layer with rate limits that processes share. See {@link make}.
 *
 * @example
 * import * as RedisClient from "@countersign/redis/RedisClient"
 * import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
 * import * as Layer from "effect/Layer"
 *
 * // The option `rateLimit` of a client: at most 100 requests per minute of all processes together.
 * const Limits = RedisRateLimit.layer({
 *   limits: [{ limit: 100, window: "1 minute" }],
 *   limiter: { processes: 4 }
 * }).pipe(Layer.provide(RedisClient.layer({ url: "redis://127.0.0.1:6379" })))
 *
 * @param options - the limits, waits, the throttle and the limiter. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<RateLimit.RateLimit, never, RedisClient> =>
  Layer.scoped(RateLimit.RateLimit, make(options))

/**
 * Layer with a throttle that processes share. See {@link throttle}.
 *
 * @example
 * import * as RedisClient from "@countersign/redis/RedisClient"
 * import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
 * import * as Layer from "effect/Layer"
 *
 * // The option `rateLimit` of a client.
 * const Throttle = RedisRateLimit.layerThrottle().pipe(
 *   Layer.provide(RedisClient.layer({ url: "redis://127.0.0.1:6379" }))
 * )
 *
 * @param options - waits, maximum delay, and how requests are grouped. See {@link ThrottleOptions}.
 * @since 0.1.0
 * @category layers
 */
export const layerThrottle = (options?: ThrottleOptions): Layer.Layer<RateLimit.RateLimit, never, RedisClient> =>
  Layer.scoped(RateLimit.RateLimit, throttle(options))
