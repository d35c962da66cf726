/**
 * Rate limiter: a number of tokens per time window, for each key. `RateLimit.make` applies it to requests, and it can limit
 * anything else.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { isImmediate, markImmediate } from "./internal/call/immediate.js"
import { BoundedMap } from "./BoundedMap.js"
import type { ConsumeRequest, ConsumeDecision } from "./internal/rateLimit/algorithms.js"
import * as Algorithms from "./internal/rateLimit/algorithms.js"
import type { Algorithm, ConsumeOptions, ConsumeResult } from "./internal/rateLimit/consumption.js"
import { monotonicMillis } from "./internal/time/clock.js"
import * as OptionNames from "./internal/options/optionNames.js"

export type { Algorithm, ConsumeOptions, ConsumeResult } from "./internal/rateLimit/consumption.js"

/**
 * The limit has too few tokens, and none was taken.
 *
 * After `retryAfter` there are enough, unless another caller takes them. For a request of more tokens than the limit,
 * `retryAfter` is the whole window, and the request can never succeed.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitExceeded extends Data.TaggedError("RateLimiterError")<{
  readonly reason: "Exceeded"
  /** Time until there are enough tokens. */
  readonly retryAfter: Duration.Duration
  /** The key of the limit. */
  readonly key: string
  /** Tokens per window. */
  readonly limit: number
  /** Tokens that are left: too few for the request. */
  readonly remaining: number
  readonly message: string
}> {
  constructor(fields: Pick<RateLimitExceeded, "retryAfter" | "key" | "limit" | "remaining">) {
    const wait = Duration.format(fields.retryAfter)
    super({
      ...fields,
      reason: "Exceeded",
      message: `Rate limit exceeded: the limit is ${fields.limit} tokens per window. Try again in ${wait}.`
    })
  }
}

/**
 * The rate limit store could not be read or written. `detail` contains the cause.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitStoreError extends Data.TaggedError("RateLimiterError")<{
  readonly reason: "StoreError"
  /** What failed, such as the message of the storage. */
  readonly detail: string
  readonly message: string
}> {
  constructor(fields: Pick<RateLimitStoreError, "detail">) {
    super({ ...fields, reason: "StoreError", message: `The rate limit store failed: ${fields.detail}` })
  }
}

/**
 * The limit is exceeded (`reason` is `"Exceeded"`), or the store failed (`"StoreError"`): the errors of
 * {@link Service.consume}.
 *
 * @since 0.1.0
 * @category errors
 */
export type RateLimiterError = RateLimitExceeded | RateLimitStoreError

/**
 * A rate limiter.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Takes tokens of a limit.
   *
   * Fails with `RateLimitExceeded` when there are too few tokens and `onExceeded` is `"fail"`, or when `tokens` is larger
   * than `limit`. Fails with `RateLimitStoreError` when the store fails.
   */
  readonly consume: (options: ConsumeOptions) => Effect.Effect<ConsumeResult, RateLimiterError>
}

/**
 * The rate limiter service.
 *
 * @example
 * import * as RateLimiter from "@countersign/client/RateLimiter"
 * import * as Duration from "effect/Duration"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * // At most five codes per account in 15 minutes.
 * const sendCode = (account: string) =>
 *   Effect.gen(function* () {
 *     const limiter = yield* RateLimiter.RateLimiter
 *     const { remaining } = yield* limiter.consume({ key: `code:${account}`, limit: 5, window: "15 minutes" })
 *     return `code sent, ${remaining} left`
 *   }).pipe(
 *     Effect.catchIf(
 *       (error) => error.reason === "Exceeded",
 *       ({ retryAfter }) => Effect.succeed(`try again in ${Duration.format(retryAfter)}`)
 *     )
 *   )
 *
 * // Several machines share the limit with `RedisRateLimiter.layerStore` of `@countersign/redis`.
 * const LimiterLive = Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)
 *
 * const program = Effect.provide(sendCode("ada"), LimiterLive)
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimiter
  extends /* @__PURE__ */ Context.Tag("@countersign/client/RateLimiter")<RateLimiter, Service>() {}

/**
 * Storage for the counts of a rate limiter: a list of numbers for each key. It is independent of the algorithms.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /**
   * Updates the record of a key atomically.
   *
   * `change` gets the current record (empty if it is missing or has expired) and the time in whole milliseconds. It
   * returns the next record and its expiry time. A store of one process passes the monotonic clock, a shared store the clock
   * of its server. `change` is pure and may be called again if another update came in between.
   */
  readonly update: <A extends { readonly state: ReadonlyArray<number>; readonly expires: number }>(
    key: string,
    change: (state: ReadonlyArray<number>, now: number) => A
  ) => Effect.Effect<A, RateLimitStoreError>
}

/**
 * Stores the state of rate limits, for a {@link RateLimiter}.
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimiterStore
  extends /* @__PURE__ */ Context.Tag("@countersign/client/RateLimiterStore")<RateLimiterStore, Store>() {}

/**
 * Default values of {@link ConsumeOptions}, and the `capacity` of {@link makeStoreMemory}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { algorithm: "fixed-window", onExceeded: "fail", tokens: 1, capacity: 10_000 } as const

const algorithms: Record<Algorithm, Algorithms.Algorithm> = {
  "fixed-window": Algorithms.fixedWindow,
  "sliding-window": Algorithms.slidingWindow,
  "token-bucket": Algorithms.tokenBucket
}

const exceeded = ({ key, limit }: ConsumeOptions, waitMs: number, remaining: number): RateLimitExceeded =>
  new RateLimitExceeded({ key, limit, remaining, retryAfter: Duration.millis(waitMs) })

const resultOf = (options: ConsumeOptions, request: ConsumeRequest, decision: ConsumeDecision) =>
  decision.waitMs > 0 && !request.reserve
    ? Effect.fail(exceeded(options, decision.waitMs, decision.remaining))
    : Effect.succeed({
        delay: Duration.millis(decision.waitMs),
        limit: options.limit,
        remaining: decision.remaining,
        resetAfter: Duration.millis(decision.resetMs)
      })

/** An infinite window is cut to the largest safe integer (285 000 years), to keep the arithmetic exact. */
const consumeRequestOf = ({
  limit,
  onExceeded = defaults.onExceeded,
  tokens = defaults.tokens,
  window
}: ConsumeOptions): ConsumeRequest => ({
  tokens: Math.max(0, tokens),
  limit,
  windowMs: Math.min(Math.max(1, Duration.toMillis(window)), Number.MAX_SAFE_INTEGER),
  reserve: onExceeded === "delay"
})

/**
 * Makes a rate limiter that uses the {@link RateLimiterStore} service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service, never, RateLimiterStore> = Effect.map(RateLimiterStore, (store) => {
  const service: Service = {
    consume: (options) => {
      const request = consumeRequestOf(options)
      // Negated, so that `NaN` is rejected too.
      if (!(request.tokens <= request.limit)) return Effect.fail(exceeded(options, request.windowMs, 0))
      const count = algorithms[options.algorithm ?? defaults.algorithm]
      return Effect.flatMap(
        store.update(options.key, (state, now) => count(state, now, request)),
        (decision) => resultOf(options, request, decision)
      )
    }
  }
  return isImmediate(store) ? markImmediate(service) : service
})

/**
 * Layer with a rate limiter that uses the {@link RateLimiterStore} service.
 *
 * Each place that provides it gets a separate limiter. Limiters with the same store share its counts.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimiter, never, RateLimiterStore> = /* @__PURE__ */ Layer.fresh(
  // Effect builds a constant Layer once per application. A second limiter would then count in the store of the first.
  /* @__PURE__ */ Layer.effect(RateLimiter, make)
)

const memoryNames: OptionNames.ShapeOf<NonNullable<Parameters<typeof makeStoreMemory>[0]>> = { capacity: "count" }

/**
 * Makes a rate limit store in memory, for one process.
 *
 * When it holds more than `capacity` keys, it removes expired records first, then the least recently used. The limit of a
 * removed key starts again.
 *
 * @param options.capacity - maximum number of keys (10 000).
 * @since 0.1.0
 * @category constructors
 */
export const makeStoreMemory = (options: { readonly capacity?: number | undefined } = {}): Effect.Effect<Store> =>
  Effect.sync(() => {
    interface CountRecord {
      readonly state: ReadonlyArray<number>
      readonly expires: number
    }
    const { capacity = defaults.capacity } = OptionNames.known("RateLimiter", options, memoryNames)
    const records = new BoundedMap<CountRecord>(capacity, ({ expires }, now) => (now >= expires ? 0 : 1))
    return markImmediate<Store>({
      update: (key, change) =>
        Effect.map(monotonicMillis, (monotonic) => {
          const now = Math.floor(monotonic)
          records.trim(now)
          const record = records.get(key)
          const changed = change(record !== undefined && now < record.expires ? record.state : [], now)
          records.set(key, changed, now)
          return changed
        })
    })
  })

/**
 * Layer with a rate limit store in memory, with the default capacity.
 *
 * Each place that provides it gets separate counts. To share counts, provide it once, or give the same value of
 * `Layer.effect(RateLimiterStore, makeStoreMemory())` to all that share them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerStoreMemory: Layer.Layer<RateLimiterStore> = /* @__PURE__ */ Layer.fresh(
  /* @__PURE__ */ Layer.effect(RateLimiterStore, /* @__PURE__ */ makeStoreMemory())
)
