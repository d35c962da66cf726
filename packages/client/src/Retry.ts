/**
 * Retries: further attempts of a failed request that may be sent again, never before the time in `Retry-After`.
 *
 * | failure | retried for |
 * |---|---|
 * | 408, 425, 429, 500, 502, 503, 504, 520 to 524, 529, or a status in `statuses` | idempotent requests (below) |
 * | 403 or 413 that is a rate limit (`Retry-After`, or a 403 of which nothing remains) | the same, if `statuses` has 429 |
 * | another status from 400 on with `x-should-retry: true` | idempotent requests |
 * | any response with `x-should-retry: false` | never |
 * | another status | never |
 * | `Timeout` of a request; `TransportError` with `sent: "maybe"` (possibly processed) | idempotent requests |
 * | `TransportError` with `sent: "no"` (not processed) | any method |
 * | `AddressBlocked`, `HeaderTooLarge`, `InvalidHttpResponse` | never |
 * | `InvalidContentEncoding`, `RequestBodyFailed`, `Tls` | never |
 * | `ProxyFailed`: proxy down, or it answered `CONNECT` with one of the statuses above; nothing was sent | any method |
 * | `ProxyFailed`: another status of the proxy, such as 403 or 407 | never |
 *
 * Idempotent requests are GET, HEAD, OPTIONS, PUT, DELETE and requests with an `Idempotency-Key`.
 *
 * In addition, the body must be replayable, the schedule must continue, the wait must end before the deadline, and the
 * origin's {@link RetryBudget} must not be exhausted.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { RateLimited, Unavailable } from "./Errors.js"
import { makePolicy } from "./internal/call/pipeline.js"
import type { RetryRules } from "./internal/retry/attempts.js"
import { Attempts } from "./internal/retry/attempts.js"
import type { Failure } from "./internal/retry/eligibility.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { Options } from "./internal/retry/options.js"
import { retryNames } from "./internal/retry/options.js"
import type * as Policy from "./Policy.js"
import * as RetryAfter from "./RetryAfter.js"
import * as RetryBudget from "./RetryBudget.js"

export type { Failure } from "./internal/retry/eligibility.js"

export type { Options, RetrySchedule } from "./internal/retry/options.js"

/**
 * Default values of {@link Options} and {@link exponential}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  times: 2,
  baseDelay: "50 millis",
  throttledBaseDelay: "1 second",
  maxDelay: "20 seconds",
  statuses: [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529],
  maxRetryAfter: "60 seconds",
  idempotencyKeyHeader: "idempotency-key"
} as const

const exponentialNames: OptionNames.ShapeOf<NonNullable<Parameters<typeof exponential>[0]>> = {
  times: "size",
  baseDelay: "duration",
  throttledBaseDelay: "duration",
  maxDelay: "duration"
}

/**
 * Retry schedule with exponential backoff and full jitter: before retry `n` (from 0) it waits a random time between zero and
 * `min(maxDelay, baseDelay × 2ⁿ)`.
 *
 * @param options - the number of retries, and the bounds of their delays.
 * @since 0.1.0
 * @category schedules
 */
export const exponential = (
  options: {
    /** Maximum number of retries (2). `times: 2` makes three attempts. */
    readonly times?: number | undefined
    /** The first upper bound of the delay (50 ms). */
    readonly baseDelay?: Duration.DurationInput | undefined
    /** The first upper bound after a 429 (1 s). */
    readonly throttledBaseDelay?: Duration.DurationInput | undefined
    /** The maximum upper bound (20 s). */
    readonly maxDelay?: Duration.DurationInput | undefined
  } = {}
): Schedule.Schedule<Duration.Duration, Failure> => {
  OptionNames.known("Retry.exponential", options, exponentialNames)
  const base = Duration.toMillis(options.baseDelay ?? defaults.baseDelay)
  const throttledBase = Duration.toMillis(options.throttledBaseDelay ?? defaults.throttledBaseDelay)
  const cap = Duration.toMillis(options.maxDelay ?? defaults.maxDelay)
  return Schedule.identity<Failure>().pipe(
    Schedule.intersect(Schedule.recurs(options.times ?? defaults.times)),
    Schedule.modifyDelayEffect(([failure, n]) => {
      // 2 ** 1024 is infinite, and zero times infinity is NaN, so the maximum is applied before the jitter.
      const bound = Math.min(cap, (failure._tag === "RateLimited" ? throttledBase : base) * 2 ** n)
      return Effect.map(Random.next, (random) => Duration.millis(random * bound))
    }),
    Schedule.delays
  )
}

/**
 * The default retry schedule: {@link exponential} backoff with two retries.
 *
 * @since 0.1.0
 * @category schedules
 */
export const backoff: Schedule.Schedule<Duration.Duration, Failure> = exponential()

/**
 * Retry policy: sends a failed request again, by the table of this module. All failures of a hop share one schedule, and so
 * one count.
 *
 * If `Retry-After` exceeds `maxRetryAfter` or the time that the call has left, the request fails with `RateLimited` at once.
 *
 * When there are no retries left, or the origin's budget is exhausted, the request fails with the last failure:
 *
 * - `RateLimited` or `Unavailable` for a status. Their `response` is the last response.
 * - `TransportError` or `Timeout` without a response.
 * - A response that is only retried because of `x-should-retry: true` is returned unchanged.
 *
 * Before each wait the unused response is released. Inside another retry policy it does nothing, so that attempts do not
 * multiply.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Retry from "@countersign/client/Retry"
 * import * as Schedule from "effect/Schedule"
 *
 * // Five retries with exponential backoff, and none after ten seconds.
 * const client = ApiClient.make({
 *   baseUrl: "https://api.example.com",
 *   auth: Auth.none,
 *   retry: Retry.exponential({ times: 5, baseDelay: "200 millis" }).pipe(Schedule.upTo("10 seconds"))
 * })
 *
 * @param options - schedule, statuses and budget. See {@link Options}.
 * @since 0.1.0
 * @category policies
 */
export const policy = (options: Options = {}): Policy.Policy<RateLimited | Unavailable> => {
  OptionNames.known("Retry", options, retryNames)
  const rules: RetryRules = {
    statuses: new Set<number>(options.statuses ?? defaults.statuses),
    schedule: RetryAfter.honor(options.schedule ?? backoff),
    maxRetryAfterMs: Duration.toMillis(options.maxRetryAfter ?? defaults.maxRetryAfter),
    budget: options.budget === false ? undefined : (options.budget ?? RetryBudget.make()),
    idempotencyKeyHeader: options.idempotencyKeyHeader ?? defaults.idempotencyKeyHeader,
    transientStatuses: new Set<number>(defaults.statuses)
  }
  return makePolicy<RateLimited | Unavailable>((request, next, context) => {
    // Nested retries would multiply the attempts, so only the outermost retries.
    if (context.isRetrying) return next(request, context)
    const call = { ...context, isRetrying: true, requests: context.requests ?? { count: 0 } }
    return new Attempts(rules, request, next, call).run
  })
}
