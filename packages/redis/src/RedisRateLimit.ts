/**
 * Throttle in Redis: a 429 that one process receives makes the requests of all processes wait.
 *
 * @since 0.1.0
 */
import * as RateLimit from "@countersign/client/RateLimit"
import * as Origin from "@countersign/protocol/Origin"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { createHash, randomUUID } from "node:crypto"
import { duplicate } from "./internal/connection/duplicate.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { SharedThrottle } from "./internal/throttle/sharedThrottles.js"
import { SharedThrottles } from "./internal/throttle/sharedThrottles.js"
import type { Client } from "./RedisClient.js"
import { RedisClient } from "./RedisClient.js"

/**
 * Options of {@link throttle} and {@link layerThrottle}: those of `RateLimit.throttle`, the key, and the maximum.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends RateLimit.ThrottleOptions {
  /** Text before the name of the key and of the channel (`countersign:throttle:`). */
  readonly prefix?: string | undefined
  /**
   * Maximum time that requests wait because of a response that another process received (60 s). The process that received it
   * waits for as long as the server asked.
   */
  readonly maxSharedThrottle?: Duration.DurationInput | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  onExceeded: true,
  maxWait: true,
  maxThrottle: true,
  account: true,
  key: true,
  maxKeys: true,
  prefix: true,
  maxSharedThrottle: true
}

/**
 * Default values of {@link Options}, beside those of `RateLimit.defaults`.
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

/** Returns the hash of origin, account and key of a request. The names are not sent to Redis. */
const makeHashOf =
  ({ account, key }: Options) =>
  (request: HttpClientRequest.HttpClientRequest): string =>
    createHash("sha256")
      .update(JSON.stringify([Origin.of(request.url), account?.(request), key?.(request)]))
      .digest("base64url")
      .slice(0, 22)

/** The throttle of this process, which can also be started for a hash. */
const makeLocal = (options: Options) => {
  const hashOf = makeHashOf(options)
  /** The hash of requests that only stand for those of another process. */
  const given = new WeakMap<HttpClientRequest.HttpClientRequest, string>()
  const service = RateLimit.throttle({
    onExceeded: options.onExceeded,
    maxWait: options.maxWait,
    maxThrottle: options.maxThrottle,
    maxKeys: options.maxKeys,
    key: (request) => given.get(request) ?? hashOf(request)
  })
  const start = ({ hash, ms, origin }: SharedThrottle): Effect.Effect<void> => {
    const request = HttpClientRequest.get(origin)
    given.set(request, hash)
    const headers = { "retry-after-ms": String(Math.ceil(ms)) }
    const response = HttpClientResponse.fromWeb(request, new Response(null, { status: 429, headers }))
    return service.onResponse(request, response)
  }
  return { hashOf, service, start }
}

/** Subscribes to a channel with a connection of its own, again after each lost connection. */
const subscribe = (
  redis: Client,
  channel: string,
  onMessage: (message: string) => void,
  onSubscribed: () => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const subscriber = duplicate(redis)
      const ready = () => void subscriber.subscribe(channel).then(onSubscribed, () => undefined)
      return subscriber
        .on("message", (_channel: string, message: string) => {
          onMessage(message)
        })
        .on("ready", ready)
    }),
    (subscriber) =>
      Effect.sync(() => {
        subscriber.disconnect()
      })
  )

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
 * @param options - waits, maximum delay, and how requests are grouped. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const throttle = (options: Options = {}): Effect.Effect<RateLimit.Service, never, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { maxKeys, maxSharedThrottle, prefix } = OptionNames.known("`RedisRateLimit.throttle`", options, names)
    const redis = yield* RedisClient
    const clock = yield* Effect.clock
    const local = makeLocal(options)
    const run = yield* FiberSet.makeRuntime<never>()
    const shared = new SharedThrottles({
      redis,
      name: `${prefix ?? defaults.prefix}active`,
      self: randomUUID(),
      maxMs: Duration.toMillis(maxSharedThrottle ?? defaults.maxSharedThrottle),
      maxKeys: maxKeys ?? RateLimit.defaults.maxKeys,
      monotonic: () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n),
      onThrottle: (found) => void run(local.start(found))
    })
    const read = Effect.ignore(Effect.tryPromise(() => shared.read()))
    yield* subscribe(
      redis,
      `${prefix ?? defaults.prefix}active`,
      (message) => {
        shared.receive(message)
      },
      () => void run(read)
    )
    yield* Effect.forkScoped(Effect.repeat(read, Schedule.spaced(readInterval)))

    const send = (request: HttpClientRequest.HttpClientRequest, response: HttpClientResponse.HttpClientResponse) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const ms = RetryAfter.parse(response.headers, now)?.delayMs ?? unspecifiedMs
        if (ms > 0) shared.send({ origin: Origin.of(request.url), hash: local.hashOf(request), ms })
      })

    const { acquire, end, onResponse } = local.service
    return {
      acquire,
      onResponse: (request, response, sent) =>
        Effect.zipRight(
          onResponse(request, response, sent),
          response.status === 429 ? send(request, response) : Effect.void
        ),
      end
    }
  })

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
 * @param options - waits, maximum delay, and how requests are grouped. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layerThrottle = (options?: Options): Layer.Layer<RateLimit.RateLimit, never, RedisClient> =>
  Layer.scoped(RateLimit.RateLimit, throttle(options))
