/** The service and the options of concurrency limits. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Overloaded } from "../../Errors.js"

/**
 * How busy an origin is.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConcurrencyStats {
  /** How many requests may be under way. */
  readonly limit: number
  /** How many are. */
  readonly inFlight: number
  /** How many wait for one of those to end. */
  readonly queued: number
}

/**
 * The permits of a client, so many for each origin.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Runs an exchange when there is a permit for it, and gives that back when it ends; fails with `Overloaded` if not. */
  readonly withPermit: <E, R>(
    request: HttpClientRequest,
    exchange: Effect.Effect<HttpClientResponse, E, R>
  ) => Effect.Effect<HttpClientResponse, E | Overloaded, R>
  /** How busy an origin is; any URL there will do. */
  readonly stats: (origin: string) => Effect.Effect<ConcurrencyStats>
}

/**
 * An exchange that ended, and says something about the server: it was answered, or it broke.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeResult {
  /** Whether it was a sign of overload: a rate limit, 502, 503, 504, 520 to 524, 529, a `TransportError`, an exchange that took too long. */
  readonly overloaded: boolean
  /** How long it had its permit, in milliseconds; 0 where the limit is not {@link Limit.needsDuration}. */
  readonly ms: number
  /** The how manieth permit it had, from 1. */
  readonly permitNumber: number
  /** How many permits have been given by now. */
  readonly permitsIssued: number
  /** How many exchanges were under way when it began, itself included. */
  readonly inFlight: number
}

/**
 * The limit of one origin, as it moves.
 *
 * @since 0.1.0
 * @category models
 */
export interface AdaptiveLimit {
  /** How many may be under way now: a whole number, 1 or more. */
  readonly limit: number
  readonly onResult: (ended: ExchangeResult) => void
}

/**
 * A limit that moves: begins anew for each origin.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limit {
  readonly make: () => AdaptiveLimit
  /** Whether it wants to know how long exchanges take: two looks at the clock each. */
  readonly needsDuration: boolean
}

/**
 * How many requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many may be under way to an origin: a number, or a limit that moves, such as `adaptive`. */
  readonly limit: number | Limit
  /** How many may wait for an origin (twice the limit); 0 for none. */
  readonly maxQueued?: number | undefined
  /** The longest wait for a permit (60 s). */
  readonly maxWait?: Duration.DurationInput | undefined
  /** How many origins are remembered at most (1000); those that are idle are forgotten first. */
  readonly maxOrigins?: number | undefined
}
