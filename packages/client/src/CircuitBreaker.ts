/**
 * Circuit breaker for each origin: after too many failures, requests to the origin fail without being sent.
 *
 * After a delay one request is sent as a probe. The circuit closes when the probe gets a response.
 *
 * | result of a request | counts as |
 * |---|---|
 * | `TransportError`, a timeout of the request, 500, 502, 503, 504, 520 to 524, 529 | failure |
 * | any other status, including 401 and 429; a response body that is too large | success |
 * | interruption; a defect; a request that was not sent (no token, no permit, `AddressBlocked`) | not counted |
 *
 * @since 0.1.0
 */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { CircuitOpen } from "./Errors.js"
import { ConsecutiveFailures, RollingFailureRate, AnyOf } from "./internal/circuitBreaker/failureCounters.js"
import { runExternal } from "./internal/call/externalCode.js"
import { makePolicy, nextOf } from "./internal/call/pipeline.js"
import { contextualSendGuarded, makeCircuitBreaker, defaults, isFailureExit } from "./internal/circuitBreaker/guard.js"
import type { Options, Service, TripPolicy } from "./internal/circuitBreaker/service.js"
import type * as Policy from "./Policy.js"

export type {
  OpenEvent,
  Options,
  Service,
  State,
  FailureCounter,
  TripPolicy
} from "./internal/circuitBreaker/service.js"
import * as OptionNames from "./internal/options/optionNames.js"
export { defaults } from "./internal/circuitBreaker/guard.js"

/**
 * The circuit breakers of all origins. Several clients can share them.
 *
 * @since 0.1.0
 * @category tags
 */
export class CircuitBreaker
  extends /* @__PURE__ */ Context.Tag("@countersign/client/CircuitBreaker")<CircuitBreaker, Service>() {}

const rateNames: OptionNames.ShapeOf<NonNullable<Parameters<typeof failureRate>[0]>> = {
  failureRateThreshold: "ratio",
  minimumCalls: "count",
  window: "duration",
  buckets: "count"
}

const delayNames: OptionNames.ShapeOf<NonNullable<Parameters<typeof halfOpenAfter>[0]>> = {
  baseDelay: "duration",
  maxDelay: "duration"
}

const names: OptionNames.ShapeOf<Options> = { tripPolicy: true, schedule: true, isFailure: true, maxOrigins: "count" }

/**
 * Circuit breaker policy: sends a request only if its origin's circuit allows it.
 *
 * It stands inside `Retry`, so that every attempt is checked and counted. It stands outside all policies that wait for a
 * permit, so that a rejected request uses none. It sees the status that the server sent.
 *
 * Fails with `CircuitOpen` when the request was not sent. A retry does not retry that error.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (service: Service): Policy.Policy<CircuitOpen> => {
  const sendGuarded = contextualSendGuarded(service)
  return makePolicy<CircuitOpen>((request, next, context) =>
    sendGuarded === undefined
      ? runExternal(service.execute(request, nextOf(next, context)(request)), context)
      : sendGuarded(request, next, context)
  )
}

/**
 * Trip policy: opens the circuit after a number of consecutive failures. Concurrent requests count in the order in which
 * they end.
 *
 * @param failures - how many consecutive failures open the circuit (5).
 * @since 0.1.0
 * @category trips
 */
export const consecutiveFailures = (failures: number = defaults.failures): TripPolicy => ({
  makeCounter: () => new ConsecutiveFailures(failures)
})

/**
 * Trip policy: opens the circuit when the failure rate in a sliding window reaches a threshold.
 *
 * The window moves by one bucket at a time. It covers at most `window`, and at least `window` less one bucket.
 *
 * @param options.failureRateThreshold - the share of failures that opens the circuit, from 0 to 1 (0.5).
 * @param options.minimumCalls - how many requests the window must hold before the rate counts (20).
 * @param options.window - the length of the window (10 s).
 * @param options.buckets - the number of buckets in the window (10).
 * @since 0.1.0
 * @category trips
 */
export const failureRate = (
  options: {
    readonly failureRateThreshold?: number | undefined
    readonly minimumCalls?: number | undefined
    readonly window?: Duration.DurationInput | undefined
    readonly buckets?: number | undefined
  } = {}
): TripPolicy => {
  OptionNames.known("CircuitBreaker.failureRate", options, rateNames)
  const { minimumCalls = defaults.minimumCalls, failureRateThreshold = defaults.failureRateThreshold } = options
  const buckets = options.buckets ?? defaults.buckets
  const window = Duration.toMillis(options.window ?? defaults.window)
  return { makeCounter: () => new RollingFailureRate(failureRateThreshold, minimumCalls, window, buckets) }
}

/**
 * Trip policy: opens the circuit when any of several trip policies does.
 *
 * @param trips - the trip policies to combine.
 * @since 0.1.0
 * @category trips
 */
export const anyOf = (...trips: ReadonlyArray<TripPolicy>): TripPolicy => ({
  makeCounter: () => new AnyOf(trips.map((trip) => trip.makeCounter()))
})

/**
 * Schedule of the open state: the delay before the next probe doubles after each failed probe.
 *
 * Up to 20 % random jitter is added, so that the clients of a server do not probe it at the same time.
 *
 * @param options.baseDelay - the first delay (1 s).
 * @param options.maxDelay - the maximum delay, before jitter (60 s).
 * @since 0.1.0
 * @category schedules
 */
export const halfOpenAfter = (
  options: {
    readonly baseDelay?: Duration.DurationInput | undefined
    readonly maxDelay?: Duration.DurationInput | undefined
  } = {}
): Schedule.Schedule<number> => {
  OptionNames.known("CircuitBreaker.halfOpenAfter", options, delayNames)
  const baseMs = Duration.toMillis(options.baseDelay ?? defaults.baseDelay)
  const maxMs = Duration.toMillis(options.maxDelay ?? defaults.maxDelay)
  return Schedule.forever.pipe(
    // 2 ** 1024 is infinite, so the maximum is applied before the jitter.
    Schedule.addDelay((n) => Duration.millis(Math.min(maxMs, baseMs * 2 ** n))),
    Schedule.jitteredWith({ min: 1, max: 1.2 })
  )
}

/**
 * The default of {@link Options.isFailure}: whether the result of a request counts as a failure, by the module's table.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isFailure: (exit: Exit.Exit<HttpClientResponse, unknown>) => boolean = isFailureExit

/**
 * Makes the circuit breakers of all origins.
 *
 * A circuit starts closed. Too many failures open it ({@link Options.tripPolicy}). While it is open, every request fails
 * with `CircuitOpen`. Its `retryAt` is the time of the next probe. Then the circuit is half-open, and one request is sent
 * as the probe. A response closes the circuit. A failure opens it again, for longer. Other requests are rejected meanwhile.
 * When the probe is interrupted or cannot be sent, the next request becomes the probe.
 *
 * - Requests in flight when the circuit changes return their result to the caller, and are not counted.
 * - A request that the probe itself causes, such as a token request to the same origin, is sent too.
 * - A response counts when its header arrives. A body that breaks off counts as a failure only if a verb reads it.
 * - A request to a URL without http or https origin is sent and not counted.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
 * import * as Effect from "effect/Effect"
 *
 * const client = Effect.flatMap(
 *   CircuitBreaker.make({ tripPolicy: CircuitBreaker.failureRate({ failureRateThreshold: 0.3 }) }),
 *   (circuitBreaker) => ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none, circuitBreaker })
 * )
 *
 * @param options - trip policy, schedule and failure predicate. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.sync(() => {
    const { schedule = halfOpenAfter(), tripPolicy = consecutiveFailures() } = OptionNames.known(
      "CircuitBreaker",
      options,
      names
    )
    return makeCircuitBreaker(options, tripPolicy, schedule)
  })

/**
 * Layer with circuit breakers. Clients that are given one Layer value share their circuits.
 *
 * @param options - trip policy, schedule and failure predicate. See {@link Options}.
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<CircuitBreaker> => Layer.effect(CircuitBreaker, make(options))
