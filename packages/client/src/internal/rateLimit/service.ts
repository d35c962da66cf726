/** The service and the options of rate limits. */
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
  /** Whether requests are to be looked at. While it is false they are sent as they come. */
  readonly active: boolean
  /**
   * Succeeds when the request may be sent now; fails with `RateLimited` when it may not, and is not to wait. `send` is an
   * object that stands for this one send: the same one is given to `onResponse` and `end`.
   */
  readonly acquire: (request: HttpClientRequest, send: object) => Effect.Effect<void, RateLimited>
  /** Receives the response: each one while {@link Service.active}, else those of status 429, 403, 503 and 529. */
  readonly onResponse: (request: HttpClientRequest, response: HttpClientResponse, send?: object) => Effect.Effect<void>
  /** Called when a send is over for which `acquire` was called, however it ended. */
  readonly end?: ((send: object) => Effect.Effect<void>) | undefined
}

/**
 * How to hold.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThrottleOptions {
  /** What to do with a request that may not be sent now: let it wait (the default), or fail with `RateLimited`. */
  readonly onExceeded?: "wait" | "fail" | undefined
  /** The longest wait from a request's arrival until the gate opens (60 s); one that is longer is not begun. */
  readonly maxWait?: Duration.DurationInput | undefined
  /** The longest throttle, whatever the server asks for (1 hour). When it ends, one request is sent as a probe. */
  readonly maxThrottle?: Duration.DurationInput | undefined
  /** Which account a request is of, where the requests to one origin are of several: a name that is no secret. */
  readonly account?: ((request: HttpClientRequest) => string) | undefined
  /**
   * Which requests of an origin and account share a throttle: those with the same key. All of them when it is left out.
   * For an API that limits each endpoint: `perRoute`, or a function that knows its endpoints.
   */
  readonly key?: ((request: HttpClientRequest) => string) | undefined
  /** Of how many origins, accounts and keys it remembers at most that they are held (1000). */
  readonly maxKeys?: number | undefined
}

/**
 * A limit of one's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limit {
  /** How many requests a window takes. */
  readonly limit: number
  readonly window: Duration.DurationInput
  /**
   * How they are counted: see {@link RateLimiter.Algorithm}. `sliding-window` is the default, since it keeps to the
   * limit however the server's own windows lie.
   */
  readonly algorithm?: RateLimiter.Algorithm | undefined
  /** What the limit is for; each key has its own count. The request's origin by default. */
  readonly key?: string | ((request: HttpClientRequest) => string) | undefined
}

/**
 * What to make a service of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly limits: ReadonlyArray<Limit>
  /** What to do with a request beyond a limit: let it wait (the default), or fail with `RateLimited`. */
  readonly onExceeded?: "wait" | "fail" | undefined
  /** The longest wait for a permit (60 s); a request that would have to wait longer fails. */
  readonly maxWait?: Duration.DurationInput | undefined
  /** The options of {@link throttle}; `false` leaves it out, and learning with it. */
  readonly throttle?: ThrottleOptions | false | undefined
  /** Whether to hold when an answer says that nothing remains, as `throttleOnExhausted` does (false). */
  readonly useRemainingHeaders?: boolean | undefined
}
