/** The service and the options of circuit breakers. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Schedule from "effect/Schedule"
import type { CircuitOpen } from "../../Errors.js"

/**
 * How an origin's circuit is. `HalfOpen`: the next request is the probe, or one is on its way.
 *
 * @since 0.1.0
 * @category models
 */
export type State =
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Open"; readonly retryAt: DateTime.Utc }
  | { readonly _tag: "HalfOpen"; readonly isProbing: boolean }

/**
 * The circuits of a client, one for each origin.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Runs an exchange if its origin's circuit lets it pass, and hears how it ended; fails with `CircuitOpen` if not. */
  readonly execute: <E, R>(
    request: HttpClientRequest,
    exchange: Effect.Effect<HttpClientResponse, E, R>
  ) => Effect.Effect<HttpClientResponse, E | CircuitOpen, R>
  /** How the circuit of an origin is; any URL there will do. */
  readonly state: (origin: string) => Effect.Effect<State>
}

/**
 * The count of one closed circuit.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailureCounter {
  /**
   * Takes an exchange that has just ended; true if the circuit is to open. `now` gives the milliseconds of the monotonic
   * clock, for a count by time. Call it only then: reading the clock costs more than all the rest.
   */
  readonly record: (failed: boolean, now: () => number) => boolean
}

/**
 * When a circuit opens: makes the count for each time that it closes.
 *
 * @since 0.1.0
 * @category models
 */
export interface TripPolicy {
  readonly makeCounter: () => FailureCounter
}

/**
 * What a schedule of recovery decides over: the circuit that opens, and the failure that made it open, a status or the tag
 * of an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenEvent {
  readonly origin: string
  readonly reason: string
}

/**
 * How circuits open and close.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** When they open (`consecutiveFailures`). */
  readonly tripPolicy?: TripPolicy | undefined
  /**
   * For how long they stay open, step by step with each probe that fails (`halfOpenAfter`); after a probe that was
   * answered it begins anew. When it ends, the last delay stays.
   */
  readonly schedule?: Schedule.Schedule<unknown, OpenEvent> | undefined
  /** Which exchanges are failures ({@link isFailure}). Never asked about interruptions and defects. */
  readonly isFailure?: ((exit: Exit.Exit<HttpClientResponse, unknown>) => boolean) | undefined
  /** How many origins are remembered at most (1000): those that were idle for longest are forgotten first, open ones last. */
  readonly maxOrigins?: number | undefined
}
