/**
 * Limits of one's own: how many of something there may be in a while, by key. Apart from requests, to which
 * `RateLimit.make` applies it, it limits whatever has a name.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Recent } from "./internal/origins/boundedMap.js"
import type { Ask, Verdict } from "./internal/rateLimit/algorithms.js"
import * as Algorithms from "./internal/rateLimit/algorithms.js"
import { monotonicMillis } from "./internal/time/clock.js"

/**
 * How to count.
 *
 * - `fixed-window`: the limit in each window; a window begins with the first token taken after the last one. An interval
 *   across two of them may see twice the limit.
 * - `sliding-window`: the limit in whatever interval of the window's length; tokens come back up to a 64th of the window late.
 * - `token-bucket`: the limit at once, and tokens come back evenly, the limit of them in a window. An interval of a window's
 *   length may see up to twice the limit.
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm = "fixed-window" | "sliding-window" | "token-bucket"

/**
 * What is asked of a limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConsumeOptions {
  /** What is limited. Each key has a count of its own; two that share one name the same limit, window and algorithm. */
  readonly key: string
  /** How many tokens a window has. */
  readonly limit: number
  readonly window: Duration.DurationInput
  /** `fixed-window` by default. */
  readonly algorithm?: Algorithm | undefined
  /** Where there are too few tokens: fail (the default), or take those to come and say how long to wait for them. */
  readonly onExceeded?: "delay" | "fail" | undefined
  /** How many to take (1). */
  readonly tokens?: number | undefined
}

/**
 * Tokens were taken.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConsumeResult {
  /** How long to wait before they may be used: nothing, unless `onExceeded` is `"delay"`. */
  readonly delay: Duration.Duration
  readonly limit: number
  /** How many are left. */
  readonly remaining: number
  /** After how long all of them are there again, if none is taken. */
  readonly resetAfter: Duration.Duration
}

/**
 * There are too few tokens, and none was taken; there are enough after `retryAfter`, if nobody else takes them. A request
 * for more than the limit gets the whole window, and will never have enough.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitExceeded extends Data.TaggedError("RateLimiterError")<{
  readonly reason: "Exceeded"
  readonly retryAfter: Duration.Duration
  readonly key: string
  readonly limit: number
  readonly remaining: number
  readonly message: string
}> {
  constructor(fields: Pick<RateLimitExceeded, "retryAfter" | "key" | "limit" | "remaining">) {
    const wait = Duration.format(fields.retryAfter)
    super({ ...fields, reason: "Exceeded", message: `The limit of ${fields.limit} is reached; try again in ${wait}` })
  }
}

/**
 * The store could not be read or written. `detail` says why.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitStoreError extends Data.TaggedError("RateLimiterError")<{
  readonly reason: "StoreError"
  readonly detail: string
  readonly message: string
}> {
  constructor(fields: Pick<RateLimitStoreError, "detail">) {
    super({ ...fields, reason: "StoreError", message: `The store of the limits failed: ${fields.detail}` })
  }
}

/**
 * What {@link Service.consume} fails with; `reason` tells the two apart.
 *
 * @since 0.1.0
 * @category errors
 */
export type RateLimiterError = RateLimitExceeded | RateLimitStoreError

/**
 * Takes tokens of a limit. `consume` fails with `RateLimitExceeded` when there are too few and `onExceeded` is
 * `"fail"`, or when more are asked for than the limit; with `RateLimitStoreError` when the store fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly consume: (options: ConsumeOptions) => Effect.Effect<ConsumeResult, RateLimiterError>
}

/**
 * A limiter.
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimiter
  extends /* @__PURE__ */ Context.Tag("@countersign/client/RateLimiter")<RateLimiter, Service>() {}

/**
 * Where the counts are kept: a record of numbers for each key. It knows nothing of algorithms, and they nothing of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /**
   * Changes the record of a key, with nobody in between: `change` gets the record (empty where there is none, or it
   * has expired) and the time of the store's clock in whole milliseconds, and gives the next record and when that expires.
   * A store of one process gives the monotonic clock, one that is shared its server's. `change` is pure, and may be called
   * again where another update came in between.
   */
  readonly update: <A extends { readonly state: ReadonlyArray<number>; readonly expires: number }>(
    key: string,
    change: (state: ReadonlyArray<number>, now: number) => A
  ) => Effect.Effect<A, RateLimitStoreError>
}

/**
 * The store of a {@link RateLimiter}.
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimiterStore
  extends /* @__PURE__ */ Context.Tag("@countersign/client/RateLimiterStore")<RateLimiterStore, Store>() {}

/**
 * What {@link ConsumeOptions}, and the capacity of {@link makeStoreMemory}, are when they are left out.
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

const resultOf = (options: ConsumeOptions, ask: Ask, verdict: Verdict) =>
  verdict.waitMs > 0 && !ask.delays
    ? Effect.fail(exceeded(options, verdict.waitMs, verdict.remaining))
    : Effect.succeed({
        delay: Duration.millis(verdict.waitMs),
        limit: options.limit,
        remaining: verdict.remaining,
        resetAfter: Duration.millis(verdict.resetMs)
      })

/** A window without an end is as good as one of 285 000 years, with which one can reckon. */
const askOf = ({ limit, onExceeded = defaults.onExceeded, tokens = defaults.tokens, window }: ConsumeOptions): Ask => ({
  tokens: Math.max(0, tokens),
  limit,
  windowMs: Math.min(Math.max(1, Duration.toMillis(window)), Number.MAX_SAFE_INTEGER),
  delays: onExceeded === "delay"
})

/**
 * A limiter over the store at hand.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service, never, RateLimiterStore> = Effect.map(RateLimiterStore, (store) => ({
  consume: (options) => {
    const ask = askOf(options)
    // Negated, so that a number that is none is never enough.
    if (!(ask.tokens <= ask.limit)) return Effect.fail(exceeded(options, ask.windowMs, 0))
    const count = algorithms[options.algorithm ?? defaults.algorithm]
    return Effect.flatMap(
      store.update(options.key, (state, now) => count(state, now, ask)),
      (verdict) => resultOf(options, ask, verdict)
    )
  }
}))

/**
 * Layer with a limiter over the {@link RateLimiterStore} that it is provided with. Each place that it is provided in gets
 * its own limiter; limiters over one store share its counts.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimiter, never, RateLimiterStore> = /* @__PURE__ */ Layer.fresh(
  // A constant Layer is built once for a whole application: a second one would count in the store of the first.
  /* @__PURE__ */ Layer.effect(RateLimiter, make)
)

/**
 * A store in memory. It keeps the records of `capacity` keys (10 000); beyond that it forgets expired ones, then those
 * that were not used for longest, whose limits begin anew.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeStoreMemory = (options: { readonly capacity?: number | undefined } = {}): Effect.Effect<Store> =>
  Effect.sync(() => {
    interface Kept {
      readonly state: ReadonlyArray<number>
      readonly expires: number
    }
    const records = new Recent<Kept>(options.capacity ?? defaults.capacity, ({ expires }, now) =>
      now >= expires ? 0 : 1
    )
    return {
      update: (key, change) =>
        Effect.map(monotonicMillis, (monotonic) => {
          const now = Math.floor(monotonic)
          records.trim(now)
          const kept = records.get(key)
          const changed = change(kept !== undefined && now < kept.expires ? kept.state : [], now)
          records.set(key, changed, now)
          return changed
        })
    }
  })

/**
 * Layer with a store in memory ({@link makeStoreMemory}) of the default capacity. Each place that it is provided in gets
 * counts of its own. To share counts, provide it once, or give one value of
 * `Layer.effect(RateLimiterStore, makeStoreMemory())` to all that share them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerStoreMemory: Layer.Layer<RateLimiterStore> = /* @__PURE__ */ Layer.fresh(
  /* @__PURE__ */ Layer.effect(RateLimiterStore, /* @__PURE__ */ makeStoreMemory())
)
