/**
 * Not asking a server that fails: after too many failures its circuit opens, and requests to it are rejected unsent until
 * one of them, later, finds that it answers again.
 *
 * | exchange | counts as |
 * |---|---|
 * | a `TransportError`, an exchange that took too long, 500, 502, 503, 504, 520 to 524, 529 | a failure |
 * | every other status, 401 and 429 included; an answer that is too large | an answer |
 * | interruption; what never came to be sent: no token, no permit, an address of its own refusal; a defect | neither |
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
import { InARow, Rolling, Several } from "./internal/circuitBreaker/failureCounters.js"
import { breaking, defaults, failed } from "./internal/circuitBreaker/guard.js"
import type { Options, Service, TripPolicy } from "./internal/circuitBreaker/service.js"
import * as Policy from "./Policy.js"

export type {
  OpenEvent,
  Options,
  Service,
  State,
  FailureCounter,
  TripPolicy
} from "./internal/circuitBreaker/service.js"
export { defaults } from "./internal/circuitBreaker/guard.js"

/**
 * The circuits that clients share.
 *
 * @since 0.1.0
 * @category tags
 */
export class CircuitBreaker
  extends /* @__PURE__ */ Context.Tag("@countersign/client/CircuitBreaker")<CircuitBreaker, Service>() {}

/**
 * Lets a request pass if its origin's circuit does.
 *
 * It stands within `Retry`, so that each attempt asks it and is counted, and outside of everything that waits for a
 * permit: what is rejected spends none. It sees statuses as they came.
 *
 * Fails with `CircuitOpen` when the request was not sent; a retry leaves that alone.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (service: Service): Policy.Policy<CircuitOpen> =>
  Policy.make<CircuitOpen>((request, next) => service.execute(request, next(request)))

/**
 * Opens after so many failures with no answer in between (5). Of exchanges that are under way at a time, the order in
 * which they end counts.
 *
 * @since 0.1.0
 * @category trips
 */
export const consecutiveFailures = (failures: number = defaults.failures): TripPolicy => ({
  makeCounter: () => new InARow(failures)
})

/**
 * Opens when a share of the exchanges of the last while failed.
 *
 * The window moves on by a bucket at a time, so that what is counted is between `window` less one bucket, and `window`, old.
 *
 * @param options.failureRateThreshold - the share of failures, of 1, from which on it opens (0.5).
 * @param options.minimumCalls - with fewer exchanges than that in the window it does not (20).
 * @param options.window - how far back it looks (10 s).
 * @param options.buckets - how finely it counts (10).
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
  const { minimumCalls = defaults.minimumCalls, failureRateThreshold = defaults.failureRateThreshold } = options
  const buckets = Math.max(1, Math.floor(options.buckets ?? defaults.buckets))
  const window = Duration.toMillis(options.window ?? defaults.window)
  return { makeCounter: () => new Rolling(failureRateThreshold, minimumCalls, window, buckets) }
}

/**
 * Opens when one of them would.
 *
 * @since 0.1.0
 * @category trips
 */
export const anyOf = (...trips: ReadonlyArray<TripPolicy>): TripPolicy => ({
  makeCounter: () => new Several(trips.map((trip) => trip.makeCounter()))
})

/**
 * For how long a circuit stays open: twice as long each time that the probe fails, and a random part of up to a fifth on
 * top, so that the clients of a server do not all probe it at once.
 *
 * @param options.baseDelay - the first time (1 s).
 * @param options.maxDelay - no time is longer, but for the random part (60 s).
 * @since 0.1.0
 * @category schedules
 */
export const halfOpenAfter = (
  options: {
    readonly baseDelay?: Duration.DurationInput | undefined
    readonly maxDelay?: Duration.DurationInput | undefined
  } = {}
): Schedule.Schedule<number> => {
  const base = Duration.toMillis(options.baseDelay ?? defaults.baseDelay)
  const cap = Duration.toMillis(options.maxDelay ?? defaults.maxDelay)
  return Schedule.forever.pipe(
    // 2 ** 1024 is infinite: the cap comes first.
    Schedule.addDelay((n) => Duration.millis(Math.min(cap, base * 2 ** n))),
    Schedule.jitteredWith({ min: 1, max: 1.2 })
  )
}

/**
 * Whether an exchange is a failure, as the table above says: what {@link Options.isFailure} replaces, to build upon.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isFailure: (exit: Exit.Exit<HttpClientResponse, unknown>) => boolean = failed

/**
 * Makes circuits: closed at first, and open after too many failures ({@link Options.tripPolicy}). An open one rejects every
 * request with `CircuitOpen`, whose `retryAt` says when it will be half-open. Then one request passes, the probe. When it
 * is answered the circuit closes; when it fails the circuit opens for longer. Whoever comes meanwhile is rejected at once.
 * A probe that is interrupted, or that is never sent, leaves its place to the next.
 *
 * What was on its way when the circuit opened or closed is given to its caller and counts no more. A request that the probe
 * itself makes, for a token from the same origin, passes with it.
 *
 * An answer counts when its head is there: a body that breaks while it is streamed is no failure, one that a verb reads is.
 * A URL without an http or https origin passes uncounted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.sync(() => breaking(options, options.tripPolicy ?? consecutiveFailures(), options.schedule ?? halfOpenAfter()))

/**
 * {@link make} as a Layer: clients that are given the same one share what they know.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<CircuitBreaker> => Layer.effect(CircuitBreaker, make(options))
