/**
 * Rate limiter in Redis: the processes of many machines share the counts.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import * as RateLimiter from "@countersign/client/RateLimiter"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as OptionNames from "./internal/options/optionNames.js"
import * as Consume from "./internal/rateLimiter/consume.js"
import { Outage } from "./internal/rateLimiter/outage.js"
import * as RateLimitEvents from "./RateLimitEvents.js"
import { RedisClient } from "./RedisClient.js"

/**
 * Options of {@link make} and {@link layer}: the keys, and what happens without Redis.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Text before the name of each key (`countersign:limit:`). */
  readonly prefix?: string | undefined
  /**
   * What to do while Redis does not answer (`"local"`).
   *
   * - `"local"`: this process counts alone, see `processes`.
   * - `"fail"`: each request fails with `RateLimitStoreError`. `RateLimit.make` then sends it without a limit.
   *
   * In both cases Redis is asked once per second until it answers, so other requests do not wait for it.
   */
  readonly onUnavailable?: "local" | "fail" | undefined
  /**
   * How many processes share the limits (1). While this process counts alone, it takes this fraction of each limit. With 1, it
   * takes the whole limit, so `n` processes send up to `n` times the limit.
   */
  readonly processes?: number | undefined
  /** How long to wait for Redis (250 ms). */
  readonly timeout?: Duration.DurationInput | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  prefix: true,
  onUnavailable: true,
  processes: "count",
  timeout: "duration"
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  /** Text before the name of each key. */
  prefix: "countersign:limit:",
  /** What to do while Redis does not answer. */
  onUnavailable: "local",
  /** How many processes share the limits. */
  processes: 1,
  /** How long to wait for Redis. */
  timeout: "250 millis"
} as const

const invalid = (option: keyof Options, value: string, advice: string) =>
  new TypeError(`\`RedisRateLimiter\` was not made: \`${option}\` is ${value}. ${advice}.`)

/** Options with their default values. An invalid one is a defect, as an unknown name is. */
const checked = (given: Options) => {
  OptionNames.known("`RedisRateLimiter`", given, names)
  const { onUnavailable = defaults.onUnavailable, prefix = defaults.prefix, processes = defaults.processes } = given
  const timeout = Duration.decode(given.timeout ?? defaults.timeout)
  const timeoutMs = Math.ceil(Duration.toMillis(timeout))
  if (/[{}]/.test(prefix)) throw invalid("prefix", `"${prefix}"`, "Set one without braces")
  if (onUnavailable !== "local" && onUnavailable !== "fail") {
    throw invalid("onUnavailable", `"${String(onUnavailable)}"`, 'Set "local" or "fail"')
  }
  if (!(Number.isSafeInteger(processes) && processes >= 1)) {
    throw invalid("processes", String(processes), "Set a positive integer")
  }
  if (timeoutMs < 1 || timeoutMs > 2 ** 31 - 1) {
    throw invalid("timeout", Duration.format(timeout), "Set a positive, finite duration")
  }
  return { onUnavailable, prefix, processes, timeoutMs }
}

/** The part of a limit that this process takes alone. It is no smaller than one request. */
const localLimit = (options: RateLimiter.ConsumeOptions, processes: number): RateLimiter.ConsumeOptions => {
  const tokens = options.tokens ?? RateLimiter.defaults.tokens
  const part = Math.floor(options.limit / processes)
  return { ...options, limit: Math.min(options.limit, Math.max(1, tokens, part)) }
}

/** A result under the limit that the caller named. */
const named = (limit: number) => (result: RateLimiter.ConsumeResult) => ({ ...result, limit })

/** Whether Redis has answered with this error. */
const isAnswer = (
  error: RateLimiter.RateLimiterError | Consume.UnusableKey
): error is RateLimiter.RateLimitExceeded | Consume.UnusableKey =>
  error._tag === "UnusableKey" || error.reason === "Exceeded"

const makeLocal = Effect.flatMap(RateLimiter.makeStoreMemory(), (store) =>
  Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, store)
)

/**
 * Makes a rate limiter in Redis. Its algorithms are those of `RateLimiter`, and give the same results.
 *
 * - **Time**: each request is one script, which uses the server's clock. So processes with different clocks share a limit.
 * - **Keys**: one key for each limit, which expires by itself. Key, algorithm, limit and window determine it.
 * - **Other data**: a key with data of another type or format is left as it is. Its limit fails with `RateLimitStoreError`, and
 *   the other limits work.
 * - **Outage**: a request waits at most `timeout` for Redis. Then the limits of this process apply, see `onUnavailable`. The
 *   start and the end of an outage are logged, and published to `RateLimitEvents` if the context has that service.
 *
 * @param options - the keys, and what happens without Redis. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<RateLimiter.Service, never, RedisClient> =>
  Effect.gen(function* () {
    const { onUnavailable, prefix, processes, timeoutMs } = checked(options)
    const redis = yield* RedisClient
    const local = yield* makeLocal
    const events = yield* Effect.serviceOption(RateLimitEvents.RateLimitEvents)
    const outage = new Outage({
      onUnavailable,
      publish: Option.match(events, { onNone: () => () => undefined, onSome: ({ publish }) => publish })
    })
    const place = Consume.place({ redis, prefix, timeoutMs })
    const shared = (asked: RateLimiter.ConsumeOptions) => Consume.consume(place, asked)
    const alone = (asked: RateLimiter.ConsumeOptions) =>
      Effect.map(local.consume(localLimit(asked, processes)), named(asked.limit))
    /** The outcome without Redis. */
    const without = (asked: RateLimiter.ConsumeOptions, error: RateLimiter.RateLimitStoreError) =>
      onUnavailable === "fail" ? Effect.fail(error) : alone(asked)
    const orWithout =
      (asked: RateLimiter.ConsumeOptions) => (error: RateLimiter.RateLimiterError | Consume.UnusableKey) =>
        isAnswer(error)
          ? Effect.fail(error._tag === "UnusableKey" ? error.error : error)
          : Effect.zipRight(outage.failed(error), without(asked, error))
    /** One request per second asks Redis during an outage. */
    const duringOutage = (asked: RateLimiter.ConsumeOptions, error: RateLimiter.RateLimitStoreError) =>
      Effect.flatMap(outage.mayAsk, (mayAsk) =>
        mayAsk
          ? shared(asked).pipe(
              Effect.tapBoth({
                onFailure: (error) => (isAnswer(error) ? outage.answered : Effect.void),
                onSuccess: () => outage.answered
              }),
              Effect.catchAll(orWithout(asked))
            )
          : without(asked, error)
      )

    return {
      consume: (asked) =>
        Effect.suspend(() =>
          outage.error === undefined
            ? Effect.catchAll(shared(asked), orWithout(asked))
            : duringOutage(asked, outage.error)
        )
    }
  })

/**
 * Layer with a rate limiter in Redis. See {@link make}.
 *
 * @example
 * import * as RateLimit from "@countersign/client/RateLimit"
 * import * as RedisClient from "@countersign/redis/RedisClient"
 * import * as RedisRateLimiter from "@countersign/redis/RedisRateLimiter"
 * import * as Layer from "effect/Layer"
 *
 * // The option `rateLimit` of a client: at most 100 requests per minute of all processes together.
 * const Limits = RateLimit.layer({ limits: [{ limit: 100, window: "1 minute" }] }).pipe(
 *   Layer.provide(RedisRateLimiter.layer({ processes: 4 })),
 *   Layer.provide(RedisClient.layer({ url: "redis://127.0.0.1:6379" }))
 * )
 *
 * @param options - the keys, and what happens without Redis. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<RateLimiter.RateLimiter, never, RedisClient> =>
  Layer.effect(RateLimiter.RateLimiter, make(options))

/**
 * Layer with a rate limiter in Redis, with options that may be read from the configuration (`Config`).
 *
 * @example
 * import * as RedisRateLimiter from "@countersign/redis/RedisRateLimiter"
 * import * as Config from "effect/Config"
 *
 * const LimiterLive = RedisRateLimiter.layerConfig({ processes: Config.integer("REPLICAS") })
 *
 * @param options - the keys, and what happens without Redis. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: ConfigOptions.OrConfig<Options>
): Layer.Layer<RateLimiter.RateLimiter, ConfigError, RedisClient> =>
  Layer.effect(
    RateLimiter.RateLimiter,
    Effect.flatMap(
      Effect.suspend(() => ConfigOptions.read<Options>(OptionNames.known("`RedisRateLimiter`", options, names))),
      make
    )
  )
