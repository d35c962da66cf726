/** Service and options of concurrency limits. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Overloaded } from "../../Errors.js"

/**
 * Current use of an origin's permits.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConcurrencyStats {
  /** Maximum number of concurrent requests. */
  readonly limit: number
  /** Number of requests in progress. */
  readonly inFlight: number
  /** Number of requests that wait for a permit. */
  readonly queued: number
}

/**
 * The concurrency limiter of a client. Each origin has its own permits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Runs `exchange` with a permit of the request's origin and releases the permit afterwards. Fails with `Overloaded`
   * if the queue is full or the wait is too long.
   */
  readonly withPermit: <E, R>(
    request: HttpClientRequest,
    exchange: Effect.Effect<HttpClientResponse, E, R>
  ) => Effect.Effect<HttpClientResponse, E | Overloaded, R>
  /** Current use of an origin's permits. `origin` can be any URL of that origin. */
  readonly stats: (origin: string) => Effect.Effect<ConcurrencyStats>
}

/**
 * Result of a request that says something about the server: a response or a failed request.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeResult {
  /**
   * Whether it is a sign of overload: a rate limit, a status 502 to 504, 520 to 524 or 529, a `TransportError` or a
   * timeout.
   */
  readonly overloaded: boolean
  /** Time between permit and result, in milliseconds. 0 unless {@link Limit.needsDuration} is set. */
  readonly ms: number
  /** Sequence number of the permit, starting at 1. */
  readonly permitNumber: number
  /** Number of permits issued so far. */
  readonly permitsIssued: number
  /** Requests in progress when this one started, including itself. */
  readonly inFlight: number
}

/**
 * The adaptive limit of one origin.
 *
 * @since 0.1.0
 * @category models
 */
export interface AdaptiveLimit {
  /** Current maximum number of concurrent requests: an integer, 1 or more. */
  readonly limit: number
  /** Called with the result of each request. It may change {@link AdaptiveLimit.limit}. */
  readonly onResult: (ended: ExchangeResult) => void
}

/**
 * An adaptive limit. It starts anew for each origin.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limit {
  /** Makes the limit of one origin. */
  readonly make: () => AdaptiveLimit
  /** Whether to measure durations, which costs two clock reads per request. */
  readonly needsDuration: boolean
}

/**
 * Options of the concurrency limiter.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Maximum number of concurrent requests per origin: a number, or an adaptive limit such as `adaptive`. */
  readonly limit: number | Limit
  /** Maximum number of waiting requests per origin. The default is twice the limit; 0 turns off the queue. */
  readonly maxQueued?: number | undefined
  /** Maximum wait for a permit (60 s). */
  readonly maxWait?: Duration.DurationInput | undefined
  /** Maximum number of origins kept (1000). Idle origins are removed first. */
  readonly maxOrigins?: number | undefined
}
