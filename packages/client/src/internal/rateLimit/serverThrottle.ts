/**
 * The throttle of a client. It has one gate for each origin, account and key that the server has throttled.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Origin from "@countersign/protocol/Origin"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RateLimitSource } from "../../Errors.js"
import { RateLimited } from "../../Errors.js"
import * as Timeline from "../../Timeline.js"
import type { CallContext, Running } from "../call/context.js"
import { deadlineAt, holds, leaseEnd } from "../call/context.js"
import { waitFor } from "../call/wait.js"
import { BoundedMap } from "../../BoundedMap.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { dateAfter, isRateLimit, retryAfterHeaderMs, waitOf } from "../response/retryAfter.js"
import { emitAdmitted } from "../telemetry/admittedEvent.js"
import { unsafeMonotonicNow, unsafeNow } from "../time/clock.js"
import { cancelWait, restartAdmissionFiber, startAdmissionFiber } from "./admissionFiber.js"
import type { GateRequest, GateWaiter } from "./admissionGate.js"
import { Gate } from "./admissionGate.js"
import type { RateLimits } from "./rateLimits.js"
import type { ThrottleOptions } from "./service.js"

/**
 * Defaults of {@link ThrottleOptions}, `Options` and `Limit`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  onExceeded: "wait",
  maxWait: "60 seconds",
  maxThrottle: "1 hour",
  maxKeys: 1000,
  useRemainingHeaders: false,
  algorithm: "sliding-window"
} as const

/** The error of a request that was not sent because of a limit. */
export const notSentError = (
  request: HttpClientRequest,
  source: RateLimitSource,
  status: number,
  ms: number,
  now: number
): RateLimited => {
  const wholeMs = Math.max(1, Math.ceil(ms))
  return new RateLimited({
    method: request.method,
    url: redactedUrl(request),
    status,
    source,
    retryAfter: Duration.millis(wholeMs),
    retryAt: dateAfter(wholeMs, now)
  })
}

/** Wait after a 429 without `Retry-After`, in milliseconds. The bounds are those of the retry's backoff. */
const defaultBackoffMs = (closings: number): number => Math.min(1000 * 2 ** closings, 20_000)

const throttledError = (request: HttpClientRequest, gate: Gate, fiber: Running): RateLimited =>
  notSentError(request, "throttle", gate.status, gate.estimateWait(unsafeMonotonicNow(fiber)), unsafeNow(fiber))

/** A request that waits, and how its wait ended. */
class Turn implements GateWaiter {
  readonly send: object
  readonly until: number
  readonly deadline: number
  polledAt: number | undefined
  #outcome: "admitted" | "too late" | undefined
  #onOutcome: ((outcome: "admitted" | "too late") => void) | undefined

  constructor({ send, until }: GateRequest, deadline: number) {
    this.send = send
    this.until = until
    this.deadline = deadline
  }

  get outcome(): "admitted" | "too late" | undefined {
    return this.#outcome
  }

  readonly resume = (outcome: "admitted" | "too late"): void => {
    this.#outcome = outcome
    this.#onOutcome?.(outcome)
  }

  /** Sets the listener of the outcome. It is called at once if there is an outcome already. */
  onOutcome(listener: (outcome: "admitted" | "too late") => void): void {
    if (this.#outcome === undefined) this.#onOutcome = listener
    else listener(this.#outcome)
  }
}

/** Waits for the turn. A fiber that polls also admits the requests that are due. */
const awaitTurn = (
  request: HttpClientRequest,
  gate: Gate,
  turn: Turn,
  context: CallContext
): Effect.Effect<void, RateLimited> => {
  const { fiber } = context
  const exitOf = (outcome: "admitted" | "too late") =>
    outcome === "admitted" ? Exit.void : Exit.fail(throttledError(request, gate, fiber))
  return waitFor<void, RateLimited, never>(
    {
      start: (resume) => {
        turn.onOutcome((outcome) => resume(exitOf(outcome)))
        return undefined
      },
      poll: (now) => {
        turn.polledAt = now
        // The gate may have removed the waiter as lost, if the process computed for longer than the allowed time
        // between two polls.
        if (turn.outcome === undefined) gate.enqueue(turn)
        gate.admitDue(now)
        return turn.outcome === undefined ? undefined : exitOf(turn.outcome)
      }
    },
    context
  )
}

const waitAtGate = (
  request: HttpClientRequest,
  gate: Gate,
  gateRequest: GateRequest,
  deadline: number,
  context: CallContext
): Effect.Effect<void, RateLimited> =>
  Effect.suspend(() => {
    const since = unsafeMonotonicNow(context.fiber)
    const ms = Math.ceil(gate.estimateWait(since))
    const turn = new Turn(gateRequest, deadline)
    return Effect.acquireUseRelease(
      Effect.suspend(() => {
        gate.enqueue(turn)
        return startAdmissionFiber(gate)
      }),
      () =>
        Timeline.emit(() => ({ _tag: "Throttled", ms })).pipe(
          Effect.zipRight(Effect.suspend(() => awaitTurn(request, gate, turn, context))),
          Effect.zipRight(emitAdmitted(since))
        ),
      () => Effect.sync(() => cancelWait(gate, turn))
    )
  })

/** Unused, open, closed, with waiting requests. */
const retentionPriority = (gate: Gate, now: number): number =>
  gate.size > 0 ? 3 : gate.mustBeRetained(now) ? 2 : gate.isIdle(now) ? 0 : 1

/** Statuses that throttle only with a `Retry-After`, because they may have another cause than this client's limit. */
const isOverload = (status: number): boolean => status === 503 || status === 529

/** Whether a response with this status can start a throttle. */
export const mayThrottle = (status: number): boolean => status === 429 || status === 403 || isOverload(status)

/**
 * Returns the wait that a response requests for all requests, in milliseconds. `unspecified` if it requests a wait
 * without a length.
 */
export type ParseRetryAfter = (response: HttpClientResponse, now: number) => number | "unspecified" | undefined

/**
 * A rate limit always throttles, an overload status only with `Retry-After`. A 413 never does, because it is about one
 * request.
 */
export const parseRetryAfter: ParseRetryAfter = (response, now) => {
  const { status } = response
  if (!mayThrottle(status)) return undefined
  if (isOverload(status)) return retryAfterHeaderMs(response, now)
  return isRateLimit(response) ? (waitOf(response, now) ?? "unspecified") : undefined
}

/** Requests with the same origin, account and key share a gate. */
const makeKeyOf =
  ({ account, key }: ThrottleOptions) =>
  (request: HttpClientRequest): string => {
    const origin = Origin.of(request.url)
    if (account === undefined && key === undefined) return origin
    return [origin, account?.(request), key?.(request)].join("\n")
  }

/** Makes the throttle of a client. It has no effect while it has no gates. */
export const makeServerThrottle = (
  options: ThrottleOptions,
  parseDelay: ParseRetryAfter,
  readsQuotaHeaders: boolean
): RateLimits => {
  const maxWaitMs = Duration.toMillis(options.maxWait ?? defaults.maxWait)
  const maxThrottleMs = Duration.toMillis(options.maxThrottle ?? defaults.maxThrottle)
  const { onExceeded = defaults.onExceeded } = options
  const gates = new BoundedMap<Gate>(options.maxKeys ?? defaults.maxKeys, retentionPriority)
  /** The gate that each request was checked by. */
  const gateOfSend = new WeakMap<object, Gate>()
  const keyOf = makeKeyOf(options)

  const findGate = (request: HttpClientRequest, now: number): Gate | undefined => {
    gates.trim(now)
    const key = keyOf(request)
    const gate = gates.get(key)
    if (gate?.isIdle(now) !== true) return gate
    gates.delete(key)
    return undefined
  }

  const closeGate = (request: HttpClientRequest, status: number, ms: number | "unspecified", now: number) => {
    const gate = findGate(request, now) ?? new Gate()
    const isProbing = gate.probe !== undefined
    // Requests that were in progress when the gate closed are rejected for the same reason, so the wait of the first
    // one applies.
    const requestedMs =
      ms === "unspecified" ? (gate.isClosed(now) ? gate.opensAt - now : defaultBackoffMs(gate.consecutiveClosings)) : ms
    gate.close(now, now + Math.min(requestedMs, maxThrottleMs), status, requestedMs > maxThrottleMs)
    gates.set(keyOf(request), gate, now)
    return isProbing ? restartAdmissionFiber(gate) : Effect.void
  }

  const acquire: RateLimits["acquire"] = (request, send, context) => {
    const { fiber } = context
    const now = unsafeMonotonicNow(fiber)
    const gate = findGate(request, now)
    if (gate === undefined) return Effect.void
    gateOfSend.set(send, gate)
    // A token request that the probe itself makes to the same origin is admitted with the probe.
    if (gate.probe !== undefined && holds(context, gate.probe.send)) return Effect.void
    const gateRequest = { send, until: leaseEnd(context) }
    if (gate.tryAdmit(now, gateRequest)) return Effect.void
    const deadline = Math.min(deadlineAt(context), now + maxWaitMs + 1)
    return onExceeded === "fail" || gate.opensAt >= deadline
      ? Effect.fail(throttledError(request, gate, fiber))
      : waitAtGate(request, gate, gateRequest, deadline, context)
  }

  return {
    isActive: () => readsQuotaHeaders || gates.size > 0,
    acquire,
    onResponse: (request, response, send, { fiber }) => {
      const now = unsafeMonotonicNow(fiber)
      const ms = parseDelay(response, unsafeNow(fiber))
      if (ms === "unspecified" || (ms !== undefined && ms > 0)) return closeGate(request, response.status, ms, now)
      if (response.status < 500 && !isRateLimit(response)) return onGoodResponse(findGate(request, now), now, send)
      return Effect.void
    },
    end: (send, { fiber }) => {
      const gate = gateOfSend.get(send)
      return gate?.onSendEnd(unsafeMonotonicNow(fiber), send) === true ? restartAdmissionFiber(gate) : Effect.void
    }
  }
}

/**
 * Called after a successful response. If it was the probe's, more requests are due, so the admission fiber is
 * restarted.
 */
const onGoodResponse = (gate: Gate | undefined, now: number, send: object | undefined): Effect.Effect<void> => {
  if (gate === undefined) return Effect.void
  const isProbe = gate.probe !== undefined && gate.probe.send === send
  gate.onSuccess(now, send)
  return isProbe ? restartAdmissionFiber(gate) : Effect.void
}
