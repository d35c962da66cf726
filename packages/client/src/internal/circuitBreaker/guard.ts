/** Runs requests through the circuit of their origin. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import { CircuitOpen } from "../../Errors.js"
import * as Timeline from "../../Timeline.js"
import type { CallContext } from "../call/context.js"
import { contextOf, holding, holds, leaseEnd, publish } from "../call/context.js"
import { runExternal } from "../call/externalCode.js"
import type { Send } from "../call/pipeline.js"
import { PerOrigin } from "../origins/perOrigin.js"
import type { ServerHealth } from "../origins/serverHealth.js"
import { isOutage, serverHealthOf } from "../origins/serverHealth.js"
import { dateAfter } from "../response/retryAfter.js"
import { unsafeMonotonicNow, unsafeNow } from "../time/clock.js"
import { initialState, nextStep } from "../time/scheduleStep.js"
import { Circuit } from "./circuit.js"
import type { Probe } from "./circuit.js"
import type { OpenEvent, Options, Service, State, TripPolicy } from "./service.js"

/**
 * Defaults of {@link Options}, `consecutiveFailures`, `failureRate` and `halfOpenAfter`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  failures: 5,
  failureRateThreshold: 0.5,
  minimumCalls: 20,
  window: "10 seconds",
  buckets: 10,
  baseDelay: "1 second",
  maxDelay: "60 seconds",
  maxOrigins: 1000
} as const

type Exchange<E, R> = Effect.Effect<HttpClientResponse, E, R>

interface ResolvedOptions {
  readonly trip: TripPolicy
  readonly schedule: Schedule.Schedule<unknown, OpenEvent>
  readonly isFailure: ((exit: Exit.Exit<HttpClientResponse, unknown>) => boolean) | undefined
}

const isServerFailure = (status: number): boolean => status === 500 || isOutage(status)

const responseHealth = ({ isFailure }: ResolvedOptions, response: HttpClientResponse): ServerHealth => {
  const isFailed = isFailure === undefined ? isServerFailure(response.status) : isFailure(Exit.succeed(response))
  return isFailed ? "failing" : "healthy"
}

/** Interruptions and defects of the client say nothing about the server. */
const causeHealth = ({ isFailure }: ResolvedOptions, cause: Cause.Cause<unknown>): ServerHealth => {
  const failure = Cause.failureOption(cause)
  if (Option.isNone(failure)) return undefined
  const health = serverHealthOf(failure.value, isServerFailure)
  if (isFailure === undefined) return health
  return isFailure(Exit.failCause(cause)) ? "failing" : health === "failing" ? undefined : health
}

/** The default of `isFailure`. */
export const isFailureExit = (exit: Exit.Exit<HttpClientResponse, unknown>): boolean =>
  Exit.match(exit, {
    onSuccess: ({ status }) => isServerFailure(status),
    onFailure: (cause) =>
      Option.exists(Cause.failureOption(cause), (e) => serverHealthOf(e, isServerFailure) === "failing")
  })

const failureReason = (exit: Exit.Exit<HttpClientResponse, unknown>): string => {
  if (Exit.isSuccess(exit)) return String(exit.value.status)
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (typeof error !== "object" || error === null || !("_tag" in error)) return "Error"
  return "status" in error ? String(error.status) : String(error._tag)
}

/**
 * Opens the circuit, then runs the schedule for the length. The schedule may be slow, and no request may pass
 * meanwhile.
 */
const openCircuit = (
  { schedule }: ResolvedOptions,
  circuit: Circuit,
  context: CallContext,
  exit: Exit.Exit<HttpClientResponse, unknown>
): Effect.Effect<void> => {
  const now = unsafeMonotonicNow(context.fiber)
  circuit.open(now)
  const { generation, origin } = circuit
  const event = { origin, reason: failureReason(exit) }
  const state: unknown = circuit.scheduleState === undefined ? initialState(schedule) : circuit.scheduleState.state
  // The circuit stays open for its last delay if the schedule does not end before the deadline of the call.
  return Effect.uninterruptible(
    Effect.flatMap(Effect.exit(runExternal(nextStep(schedule, state, event), context)), (stepped) => {
      const step = Exit.isSuccess(stepped) ? stepped.value : Option.none()
      if (Option.isSome(step) && circuit.generation === generation) {
        circuit.scheduleState = { state: step.value.state }
        circuit.openFor(step.value.delayMs)
      }
      return Effect.zipRight(
        Timeline.emit(() => ({ _tag: "CircuitOpened", ms: circuit.until - now, ...event })),
        Exit.isSuccess(stepped) ? Effect.void : stepped
      )
    })
  )
}

/** Counts the result of a request through a closed circuit. */
const recordResult = <E, R>(
  resolved: ResolvedOptions,
  circuit: Circuit,
  context: CallContext,
  generation: number,
  health: ServerHealth,
  exit: Exit.Exit<HttpClientResponse, E>
): Exchange<E, R> => {
  if (health === undefined) return exit
  const isTripped = circuit.record(generation, health === "failing", () => unsafeMonotonicNow(context.fiber))
  return isTripped ? Effect.zipRight(openCircuit(resolved, circuit, context, exit), exit) : exit
}

const observeClosed = <E, R>(
  resolved: ResolvedOptions,
  circuit: Circuit,
  context: CallContext,
  request: HttpClientRequest,
  next: Send<E, R>
): Exchange<E, R> => {
  const { generation } = circuit
  return Effect.matchCauseEffect(next(request, context), {
    onFailure: (cause) =>
      recordResult(resolved, circuit, context, generation, causeHealth(resolved, cause), Exit.failCause(cause)),
    onSuccess: (response) =>
      recordResult(resolved, circuit, context, generation, responseHealth(resolved, response), Exit.succeed(response))
  })
}

const makeCircuitOpen = ({ origin }: Circuit, ms: number, now: number): CircuitOpen =>
  new CircuitOpen({ origin, retryAfter: Duration.millis(ms), retryAt: dateAfter(ms, now) })

/** Opens or closes the circuit by the probe's result. Without a result the next request is the probe. */
const onProbeResult = (
  resolved: ResolvedOptions,
  circuit: Circuit,
  context: CallContext,
  health: ServerHealth,
  exit: Exit.Exit<HttpClientResponse, unknown>
): Effect.Effect<void> => {
  if (health === undefined) return Effect.void
  if (health === "failing") return openCircuit(resolved, circuit, context, exit)
  circuit.close(resolved.trip.makeCounter())
  return Timeline.emit(() => ({ _tag: "CircuitClosed", origin: circuit.origin }))
}

/** Sends the request as the probe if the circuit is half-open. Fails with `CircuitOpen` otherwise. */
const tryProbe = <E, R>(
  resolved: ResolvedOptions,
  circuit: Circuit,
  context: CallContext,
  request: HttpClientRequest,
  next: Send<E, R>
): Exchange<E | CircuitOpen, R> =>
  Effect.uninterruptibleMask((restore): Exchange<E | CircuitOpen, R> => {
    const { fiber } = context
    if (circuit.isClosed) return restore(observeClosed(resolved, circuit, context, request, next))
    if (circuit.probe !== undefined && holds(context, circuit.probe)) return restore(next(request, context))
    const now = unsafeMonotonicNow(fiber)
    if (circuit.probe !== undefined && now >= circuit.probe.until) circuit.probe = undefined
    const ms = Math.ceil(circuit.millisUntilProbe(now))
    return ms > 0
      ? Effect.fail(makeCircuitOpen(circuit, ms, unsafeNow(fiber)))
      : sendProbe(resolved, circuit, context, restore, request, next)
  })

const sendProbe = <E, R>(
  resolved: ResolvedOptions,
  circuit: Circuit,
  context: CallContext,
  restore: <A, E1, R1>(effect: Effect.Effect<A, E1, R1>) => Effect.Effect<A, E1, R1>,
  request: HttpClientRequest,
  next: Send<E, R>
): Exchange<E, R> => {
  const probe: Probe = { until: leaseEnd(context) }
  circuit.probe = probe
  const exchange = Effect.zipRight(
    Timeline.emit(() => ({ _tag: "CircuitHalfOpened", origin: circuit.origin })),
    Effect.suspend(() => next(request, holding(context, probe)))
  )
  // Release the probe before the caller's `isFailure` runs, because that may throw.
  const endProbe = (health: () => ServerHealth, exit: Exit.Exit<HttpClientResponse, E>): Exchange<E, R> => {
    // The lease of this probe has expired, and another request may be the probe.
    if (circuit.probe !== probe) return exit
    circuit.probe = undefined
    return Effect.zipRight(onProbeResult(resolved, circuit, context, health(), exit), exit)
  }
  return Effect.matchCauseEffect(restore(exchange), {
    onFailure: (cause) => endProbe(() => causeHealth(resolved, cause), Exit.failCause(cause)),
    onSuccess: (response) => endProbe(() => responseHealth(resolved, response), Exit.succeed(response))
  })
}

/** Idle, closed with a failure, open. */
const retentionPriority = ({ isClosed, isFailing }: Circuit): number => (isClosed ? (isFailing ? 1 : 0) : 2)

const stateOf = (circuit: Circuit | undefined, fiber: CallContext["fiber"]): State => {
  if (circuit === undefined || circuit.isClosed) return { _tag: "Closed" }
  const isProbing = circuit.probe !== undefined
  const ms = Math.ceil(circuit.millisUntilProbe(unsafeMonotonicNow(fiber)))
  return isProbing || ms === 0
    ? { _tag: "HalfOpen", isProbing }
    : { _tag: "Open", retryAt: dateAfter(ms, unsafeNow(fiber)) }
}

/** Sends a request through its circuit, in the context of its call. */
export type SendGuarded = <E, R>(
  request: HttpClientRequest,
  next: Send<E, R>,
  context: CallContext
) => Exchange<E | CircuitOpen, R>

/** How the services that this module makes take the context. A service of the application does not. */
const sendGuardedOf = new WeakMap<Service, SendGuarded>()

/** Sends a request through a circuit of a service, if this module made the service. */
export const contextualSendGuarded = (service: Service): SendGuarded | undefined => sendGuardedOf.get(service)

/** The circuits of a client as a service. */
export const makeCircuitBreaker = (
  options: Options,
  trip: TripPolicy,
  schedule: ResolvedOptions["schedule"]
): Service => {
  const resolved: ResolvedOptions = { trip, schedule, isFailure: options.isFailure }
  const circuits = new PerOrigin(
    options.maxOrigins ?? defaults.maxOrigins,
    retentionPriority,
    (origin) => new Circuit(origin, trip.makeCounter())
  )
  const sendGuarded: SendGuarded = (request, next, context) => {
    const circuit = circuits.getOrMake(request)
    if (circuit === undefined) return next(request, context)
    return circuit.isClosed
      ? observeClosed(resolved, circuit, context, request, next)
      : tryProbe(resolved, circuit, context, request, next)
  }
  const service: Service = {
    execute: (request: HttpClientRequest, exchange) =>
      Effect.withFiberRuntime((fiber) =>
        sendGuarded(request, (_, context) => publish(exchange, context), contextOf(fiber))
      ),
    state: (origin) => Effect.withFiberRuntime((fiber) => Effect.succeed(stateOf(circuits.find(origin), fiber)))
  }
  sendGuardedOf.set(service, sendGuarded)
  return service
}
