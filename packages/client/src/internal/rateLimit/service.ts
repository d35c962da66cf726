/** Service and options of rate limits. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { RateLimited } from "../../Errors.js"
import type * as RateLimiter from "../../RateLimiter.js"

/**
 * Decides when a request may be sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Succeeds when the request may be sent. Fails with `RateLimited` if it may not be sent and should not wait. `send`
   * is an object that identifies this one HTTP request; pass the same object to `onResponse` and `end`. As the
   * `throttle` of `RateLimit.make`, it is called again with the same `send` after a wait for a limit.
   */
  readonly acquire: (request: HttpClientRequest, send: object) => Effect.Effect<void, RateLimited>
  /** Receives the response. */
  readonly onResponse: (request: HttpClientRequest, response: HttpClientResponse, send?: object) => Effect.Effect<void>
  /** Called when the request has ended, with any outcome. */
  readonly end?: ((send: object) => Effect.Effect<void>) | undefined
}

/**
 * Options of the throttle: how requests wait after a 429.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThrottleOptions {
  /** What to do with a request while the origin is throttled: `wait` (the default), or `fail` with `RateLimited`. */
  readonly onExceeded?: "wait" | "fail" | undefined
  /**
   * Maximum wait from a request's arrival until the throttle ends (60 s). If it ends later, the request fails
   * immediately with `RateLimited`.
   */
  readonly maxWait?: Duration.DurationInput | undefined
  /**
   * Maximum length of a throttle, even if the server asks for more (1 hour). After that, one request is sent as a
   * probe.
   */
  readonly maxThrottle?: Duration.DurationInput | undefined
  /**
   * Name of the account that a request belongs to, if requests to one origin belong to several accounts. It must not be
   * a secret.
   */
  readonly account?: ((request: HttpClientRequest) => string) | undefined
  /**
   * Key of a request. Requests of one origin and account with the same key share a throttle. By default all of them
   * share one. For an API that limits each endpoint, use `perRoute` or a function that knows its endpoints.
   */
  readonly key?: ((request: HttpClientRequest) => string) | undefined
  /** Maximum number of throttles kept, one per origin, account and key (1000). */
  readonly maxKeys?: number | undefined
}

/**
 * A limit that the application sets itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limit {
  /** Number of requests per window. */
  readonly limit: number
  /** Length of a window. */
  readonly window: Duration.DurationInput
  /**
   * How requests are counted, see {@link RateLimiter.Algorithm}. The default is `sliding-window`: it never exceeds the
   * limit, wherever the server's own windows begin.
   */
  readonly algorithm?: RateLimiter.Algorithm | undefined
  /** What the limit is counted by. Each key has its own counter. The default is the request's origin. */
  readonly key?: string | ((request: HttpClientRequest) => string) | undefined
}

/**
 * Options of `RateLimit.make`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The limits. A request is sent when all of them have capacity. */
  readonly limits: ReadonlyArray<Limit>
  /** What to do with a request beyond a limit: `wait` (the default), or `fail` with `RateLimited`. */
  readonly onExceeded?: "wait" | "fail" | undefined
  /**
   * Maximum wait of a request (60 s). A request that would have to wait longer fails immediately with `RateLimited`.
   */
  readonly maxWait?: Duration.DurationInput | undefined
  /**
   * Options of {@link throttle}, or a throttle of your own, such as one that processes share. `false` turns off the
   * throttle.
   */
  readonly throttle?: ThrottleOptions | Service | false | undefined
  /**
   * Whether to throttle when a response says that no requests remain in the window, as `throttleOnExhausted` does
   * (false). It has no effect without a throttle, or with one of your own.
   */
  readonly useRemainingHeaders?: boolean | undefined
}
