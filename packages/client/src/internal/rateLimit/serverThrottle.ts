/**
 * The throttle of a client. It has one gate for each origin, account and key that the server has throttled.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Origin from "@countersign/protocol/Origin"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type { RateLimitSource } from "../../Errors.js"
import { RateLimited } from "../../Errors.js"
import * as Signal from "../../Signal.js"
import * as Timeline from "../../Timeline.js"
import { isPolling } from "../../WaitStrategy.js"
import type { Running } from "../call/context.js"
import { callOf } from "../call/context.js"
import { holderOf, isWithin } from "../call/permitOwner.js"
import { BoundedMap } from "../origins/boundedMap.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { dateAfter, isRateLimit, retryAfterHeaderMs } from "../response/retryAfter.js"
import { emitAdmitted } from "../telemetry/admittedEvent.js"
import { unsafeMonotonicNow, unsafeNow } from "../time/clock.js"
import { sleep } from "../time/sleep.js"
import type { GateRequest, GateWaiter } from "./admissionGate.js"
import { Gate } from "./admissionGate.js"
import type { ThrottleOptions, Service } from "./service.js"

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

/** Admits waiting requests until the gate's queue is empty. */
const admitUntilEmpty = (gate: Gate): Effect.Effect<void> =>
  Effect.withFiberRuntime<void>((fiber) => {
    const next = gate.admitDue(unsafeMonotonicNow(fiber))
    gate.admissionFiber = gate.size === 0 ? undefined : fiber
    // At least one millisecond, so that the loop cannot spin.
    return gate.size === 0 ? Effect.void : Effect.zipRight(sleep(Math.max(1, next)), admitUntilEmpty(gate))
  })

/**
 * Runs in a fiber of its own, because a waiting fiber may be interrupted. It ends when no request waits. On a runtime
 * where fibers poll, the waiting fibers admit themselves.
 */
const startAdmissionFiber = (gate: Gate): Effect.Effect<void> =>
  Effect.withFiberRuntime<void>((fiber) => {
    if (gate.admissionFiber !== undefined || isPolling(fiber)) return Effect.void
    gate.admissionFiber = "starting"
    return Effect.asVoid(Effect.forkDaemon(Effect.interruptible(admitUntilEmpty(gate))))
  })

const stopAdmissionFiber = (gate: Gate): void => {
  if (gate.admissionFiber === undefined || gate.admissionFiber === "starting") return
  gate.admissionFiber.unsafeInterruptAsFork(FiberId.none)
  gate.admissionFiber = undefined
}

/** Called after an event that changes when the next request is due. */
const restartAdmissionFiber = (gate: Gate): Effect.Effect<void> => {
  stopAdmissionFiber(gate)
  return gate.size === 0 ? Effect.void : startAdmissionFiber(gate)
}

const cancelWait = (gate: Gate, waiter: GateWaiter): void => {
  gate.cancel(waiter)
  if (gate.size === 0) stopAdmissionFiber(gate)
}

/** A fiber that polls also admits the requests that are due. */
const awaitTurn = <E>(gate: Gate, waiter: GateWaiter, turn: Signal.Signal<void, E>): Effect.Effect<void, E> =>
  turn.wait((now) => {
    waiter.polledAt = now
    // The gate may have removed the waiter as lost, if the process computed for longer than the allowed time between
    // two polls.
    if (turn.outcome === undefined) gate.enqueue(waiter)
    gate.admitDue(now)
  })

const waitAtGate = (request: HttpClientRequest, gate: Gate, gateRequest: GateRequest, deadline: number) =>
  Effect.acquireUseRelease(
    Effect.withFiberRuntime<readonly [GateWaiter, Signal.Signal<void, RateLimited>, since: number, ms: number]>(
      (fiber) => {
        const since = unsafeMonotonicNow(fiber)
        const ms = Math.ceil(gate.estimateWait(since))
        const turn = Signal.make<void, RateLimited>()
        const resume: GateWaiter["resume"] = (outcome) => {
          turn.complete(outcome === "admitted" ? Exit.void : Exit.fail(throttledError(request, gate, fiber)))
        }
        const waiter: GateWaiter = { ...gateRequest, deadline, resume, polledAt: undefined }
        gate.enqueue(waiter)
        return Effect.as(startAdmissionFiber(gate), [waiter, turn, since, ms] as const)
      }
    ),
    ([waiter, turn, since, ms]) =>
      Effect.zipRight(
        Timeline.emit(() => ({ _tag: "Throttled", ms })),
        Effect.zipRight(awaitTurn(gate, waiter, turn), emitAdmitted(since))
      ),
    ([waiter]) =>
      Effect.sync(() => {
        cancelWait(gate, waiter)
      })
  )

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
  const { headers, status } = response
  if (!mayThrottle(status)) return undefined
  if (isOverload(status)) return retryAfterHeaderMs(response, now)
  return isRateLimit(response) ? (RetryAfter.parse(headers, now)?.delayMs ?? "unspecified") : undefined
}

/** Requests with the same origin, account and key share a gate. */
const makeKeyOf =
  ({ account, key }: ThrottleOptions) =>
  (request: HttpClientRequest): string => {
    const origin = Origin.of(request.url)
    if (account === undefined && key === undefined) return origin
    return [origin, account?.(request), key?.(request)].join("\n")
  }

/** The throttle as a service. {@link Service.active} is true while it has gates. */
export const makeServerThrottle = (
  options: ThrottleOptions,
  parseDelay: ParseRetryAfter,
  readsQuotaHeaders: boolean
): Service => {
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
    if (gate?.isIdle(now) === true) gates.delete(key)
    service.active = readsQuotaHeaders || gates.size > 0
    return gate?.isIdle(now) === true ? undefined : gate
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
    service.active = true
    return isProbing ? restartAdmissionFiber(gate) : Effect.void
  }

  const tryAdmit = (gate: Gate, gateRequest: GateRequest, now: number): boolean => {
    // A token request that the probe itself makes to the same origin is admitted with the probe.
    if (gate.probe !== undefined && isWithin(gateRequest.holder.fiber, gate.probe.holder)) return true
    return gate.tryAdmit(now, gateRequest)
  }

  const service = {
    active: readsQuotaHeaders,
    acquire: (request: HttpClientRequest, send: object) =>
      Effect.withFiberRuntime<void, RateLimited>((fiber) => {
        const now = unsafeMonotonicNow(fiber)
        const gate = findGate(request, now)
        if (gate === undefined) return Effect.void
        gateOfSend.set(send, gate)
        const gateRequest = { send, holder: holderOf(fiber) }
        if (tryAdmit(gate, gateRequest, now)) return Effect.void
        const deadline = Math.min(callOf(fiber).deadline, now + maxWaitMs + 1)
        return onExceeded === "fail" || gate.opensAt >= deadline
          ? Effect.fail(throttledError(request, gate, fiber))
          : waitAtGate(request, gate, gateRequest, deadline)
      }),
    onResponse: (request: HttpClientRequest, response: HttpClientResponse, send?: object) =>
      Effect.withFiberRuntime<void>((fiber) => {
        const now = unsafeMonotonicNow(fiber)
        const ms = parseDelay(response, unsafeNow(fiber))
        if (ms === "unspecified" || (ms !== undefined && ms > 0)) return closeGate(request, response.status, ms, now)
        if (response.status < 500 && !isRateLimit(response)) return onGoodResponse(findGate(request, now), now, send)
        return Effect.void
      }),
    end: (send: object) =>
      Effect.withFiberRuntime<void>((fiber) => {
        const gate = gateOfSend.get(send)
        return gate?.onSendEnd(unsafeMonotonicNow(fiber), send) === true ? restartAdmissionFiber(gate) : Effect.void
      })
  }
  return service
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
