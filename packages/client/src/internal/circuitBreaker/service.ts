/** Service and options of circuit breakers. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Schedule from "effect/Schedule"
import type { CircuitOpen } from "../../Errors.js"

/**
 * State of an origin's circuit. In `HalfOpen` the next request is the probe, or a probe is in progress (`isProbing`).
 *
 * @since 0.1.0
 * @category models
 */
export type State =
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Open"; readonly retryAt: DateTime.Utc }
  | { readonly _tag: "HalfOpen"; readonly isProbing: boolean }

/**
 * The circuit breaker of a client. Each origin has its own circuit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Runs `exchange` if the circuit of the request's origin admits it, and counts the result. Fails with `CircuitOpen`
   * if not.
   */
  readonly execute: <E, R>(
    request: HttpClientRequest,
    exchange: Effect.Effect<HttpClientResponse, E, R>
  ) => Effect.Effect<HttpClientResponse, E | CircuitOpen, R>
  /** State of an origin's circuit. `origin` can be any URL of that origin. */
  readonly state: (origin: string) => Effect.Effect<State>
}

/**
 * Counts the results of one closed circuit.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailureCounter {
  /**
   * Records a result. Returns true if the circuit must open. `now` returns the milliseconds of the monotonic clock;
   * call it only for time-based counts, because reading the clock is expensive here.
   */
  readonly record: (failed: boolean, now: () => number) => boolean
}

/**
 * Decides when a circuit opens. A new counter is made each time the circuit closes.
 *
 * @since 0.1.0
 * @category models
 */
export interface TripPolicy {
  /** Makes the counter of a circuit that has just closed. */
  readonly makeCounter: () => FailureCounter
}

/**
 * Input of the recovery schedule: the origin of the circuit, and the failure that opened it (a status or the tag
 * of an error).
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenEvent {
  /** The origin of the circuit that opens. */
  readonly origin: string
  /** The failure: a status such as `503`, or the `_tag` of an error. */
  readonly reason: string
}

/**
 * Options of the circuit breaker.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** When a circuit opens (`consecutiveFailures`). */
  readonly tripPolicy?: TripPolicy | undefined
  /**
   * How long a circuit stays open: one step of the schedule per failed probe (`halfOpenAfter`). A successful probe
   * resets the schedule. After the end of the schedule its last delay is used.
   */
  readonly schedule?: Schedule.Schedule<unknown, OpenEvent> | undefined
  /** Which results are failures ({@link isFailure}). Not called for interruptions and defects. */
  readonly isFailure?: ((exit: Exit.Exit<HttpClientResponse, unknown>) => boolean) | undefined
  /** Maximum number of origins kept (1000). The least recently used ones are removed first, open circuits last. */
  readonly maxOrigins?: number | undefined
}
