/** Exchanges on their way through the circuits of a client. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import { CircuitOpen } from "../../Errors.js"
import * as Timeline from "../../Timeline.js"
import type { Running } from "../call/context.js"
import { holderOf, isWithin } from "../call/permitOwner.js"
import { PerOrigin } from "../origins/perOrigin.js"
import type { Verdict } from "../origins/serverHealth.js"
import { isOutage, verdictOf } from "../origins/serverHealth.js"
import { monotonicOf, nowOf } from "../time/clock.js"
import { step } from "../time/scheduleStep.js"
import { Circuit } from "./circuit.js"
import type { OpenEvent, Options, Service, State, TripPolicy } from "./service.js"

/**
 * What {@link Options}, and those of `consecutiveFailures`, `failureRate` and `halfOpenAfter`, are when they are left out.
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

interface Rules {
  readonly trip: TripPolicy
  readonly schedule: Schedule.Schedule<unknown, OpenEvent>
  readonly isFailure: ((exit: Exit.Exit<HttpClientResponse, unknown>) => boolean) | undefined
}

/** The last instant that a date can hold: a schedule may say more. */
const endOfTime = 8.64e15

const dateOf = (instant: number): DateTime.Utc => DateTime.unsafeMake(Math.min(instant, endOfTime))

const isBroken = (status: number): boolean => status === 500 || isOutage(status)

const ofResponse = ({ isFailure }: Rules, response: HttpClientResponse): Verdict => {
  const failed = isFailure === undefined ? isBroken(response.status) : isFailure(Exit.succeed(response))
  return failed ? "broken" : "answered"
}

/** Neither an interruption nor a defect of this side's says anything about the other. */
const ofCause = ({ isFailure }: Rules, cause: Cause.Cause<unknown>): Verdict => {
  const failure = Cause.failureOption(cause)
  if (Option.isNone(failure)) return undefined
  const verdict = verdictOf(failure.value, isBroken)
  if (isFailure === undefined) return verdict
  return isFailure(Exit.failCause(cause)) ? "broken" : verdict === "broken" ? undefined : verdict
}

/** What a circuit without a predicate of the caller's takes for a failure. */
export const failed = (exit: Exit.Exit<HttpClientResponse, unknown>): boolean =>
  Exit.match(exit, {
    onSuccess: ({ status }) => isBroken(status),
    onFailure: (cause) => Option.exists(Cause.failureOption(cause), (e) => verdictOf(e, isBroken) === "broken")
  })

const reasonOf = (outcome: Exit.Exit<HttpClientResponse, unknown>): string => {
  if (Exit.isSuccess(outcome)) return String(outcome.value.status)
  const error = Option.getOrUndefined(Cause.failureOption(outcome.cause))
  if (typeof error !== "object" || error === null || !("_tag" in error)) return "Error"
  return "status" in error ? String(error.status) : String(error._tag)
}

/** Opens at once, and asks the schedule for how long: it may take its time, and nobody is to pass meanwhile. */
const open = (
  { schedule }: Rules,
  circuit: Circuit,
  now: number,
  outcome: Exit.Exit<HttpClientResponse, unknown>
): Effect.Effect<void> => {
  circuit.open(now)
  const { generation, origin } = circuit
  const opening = { origin, reason: reasonOf(outcome) }
  const state: unknown = circuit.progress === undefined ? schedule.initial : circuit.progress.state
  return Effect.uninterruptible(
    Effect.flatMap(step(schedule, state, opening), (decided) => {
      if (Option.isSome(decided) && circuit.generation === generation) {
        circuit.progress = { state: decided.value.state }
        circuit.openFor(decided.value.delayMs)
      }
      return Timeline.emit(() => ({ _tag: "CircuitOpened", ms: circuit.until - now, ...opening }))
    })
  )
}

/** Counts an exchange of a closed circuit. */
const counted = <E, R>(
  rules: Rules,
  circuit: Circuit,
  fiber: Running,
  generation: number,
  verdict: Verdict,
  outcome: Exit.Exit<HttpClientResponse, E>
): Exchange<E, R> => {
  if (verdict === undefined) return outcome
  const tripped = circuit.record(generation, verdict === "broken", () => monotonicOf(fiber))
  return tripped ? Effect.zipRight(open(rules, circuit, monotonicOf(fiber), outcome), outcome) : outcome
}

const watched = <E, R>(rules: Rules, circuit: Circuit, fiber: Running, exchange: Exchange<E, R>): Exchange<E, R> => {
  const { generation } = circuit
  return Effect.matchCauseEffect(exchange, {
    onFailure: (cause) => counted(rules, circuit, fiber, generation, ofCause(rules, cause), Exit.failCause(cause)),
    onSuccess: (response) =>
      counted(rules, circuit, fiber, generation, ofResponse(rules, response), Exit.succeed(response))
  })
}

const rejected = ({ origin }: Circuit, ms: number, now: number): CircuitOpen =>
  new CircuitOpen({ origin, retryAfter: Duration.millis(ms), retryAt: dateOf(now + ms) })

/** What the probe found out; without a verdict the next request is one. */
const concluded = (
  rules: Rules,
  circuit: Circuit,
  fiber: Running,
  verdict: Verdict,
  outcome: Exit.Exit<HttpClientResponse, unknown>
): Effect.Effect<void> => {
  if (verdict === undefined) return Effect.void
  if (verdict === "broken") return open(rules, circuit, monotonicOf(fiber), outcome)
  circuit.close(rules.trip.makeCounter())
  return Timeline.emit(() => ({ _tag: "CircuitClosed", origin: circuit.origin }))
}

/** The way through a circuit that is not closed: for one, if it is time. */
const probing = <E, R>(
  rules: Rules,
  circuit: Circuit,
  fiber: Running,
  exchange: Exchange<E, R>
): Exchange<E | CircuitOpen, R> =>
  Effect.uninterruptibleMask((restore): Exchange<E | CircuitOpen, R> => {
    if (circuit.isClosed) return restore(watched(rules, circuit, fiber, exchange))
    if (circuit.probe !== undefined && isWithin(fiber, circuit.probe)) return restore(exchange)
    const now = monotonicOf(fiber)
    if (circuit.probe !== undefined && now >= circuit.probe.until) circuit.probe = undefined
    const ms = Math.ceil(circuit.wait(now))
    if (ms > 0) return Effect.fail(rejected(circuit, ms, nowOf(fiber)))
    const holder = holderOf(fiber)
    circuit.probe = holder
    const probe = Effect.zipRight(
      Timeline.emit(() => ({ _tag: "CircuitHalfOpened", origin: circuit.origin })),
      exchange
    )
    // The place is free before anybody's predicate is asked: what that throws must not keep it.
    const settle = (verdict: () => Verdict, outcome: Exit.Exit<HttpClientResponse, E>): Exchange<E, R> => {
      // After its lease another request is the probe.
      if (circuit.probe !== holder) return outcome
      circuit.probe = undefined
      return Effect.zipRight(concluded(rules, circuit, fiber, verdict(), outcome), outcome)
    }
    return Effect.matchCauseEffect(restore(probe), {
      onFailure: (cause) => settle(() => ofCause(rules, cause), Exit.failCause(cause)),
      onSuccess: (response) => settle(() => ofResponse(rules, response), Exit.succeed(response))
    })
  })

/** Idle, closed with a failure, open. */
const worth = ({ isClosed, isFailing }: Circuit): number => (isClosed ? (isFailing ? 1 : 0) : 2)

const stateOf = (circuit: Circuit | undefined, fiber: Running): State => {
  if (circuit === undefined || circuit.isClosed) return { _tag: "Closed" }
  const isProbing = circuit.probe !== undefined
  const ms = Math.ceil(circuit.wait(monotonicOf(fiber)))
  return isProbing || ms === 0 ? { _tag: "HalfOpen", isProbing } : { _tag: "Open", retryAt: dateOf(nowOf(fiber) + ms) }
}

/** The circuits of a client as a service. */
export const breaking = (options: Options, trip: TripPolicy, schedule: Rules["schedule"]): Service => {
  const rules: Rules = { trip, schedule, isFailure: options.isFailure }
  const circuits = new PerOrigin(
    options.maxOrigins ?? defaults.maxOrigins,
    worth,
    (origin) => new Circuit(origin, trip.makeCounter())
  )
  return {
    execute: (request: HttpClientRequest, exchange) =>
      Effect.withFiberRuntime((fiber) => {
        const circuit = circuits.of(request)
        if (circuit === undefined) return exchange
        return circuit.isClosed ? watched(rules, circuit, fiber, exchange) : probing(rules, circuit, fiber, exchange)
      }),
    state: (origin) => Effect.withFiberRuntime((fiber) => Effect.succeed(stateOf(circuits.find(origin), fiber)))
  }
}
