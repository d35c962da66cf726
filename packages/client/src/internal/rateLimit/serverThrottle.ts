/**
 * The throttle of a client: one gate for each origin, account and key whose requests the server asked to wait.
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
 * What {@link ThrottleOptions}, `Options` and `Limit` are when they are left out.
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

/** The error of a request that was not sent. */
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

/** The wait after a 429 that names none, in milliseconds: the bounds of the retry's backoff. */
const defaultBackoffMs = (closings: number): number => Math.min(1000 * 2 ** closings, 20_000)

const throttledError = (request: HttpClientRequest, gate: Gate, fiber: Running): RateLimited =>
  notSentError(request, "throttle", gate.status, gate.estimateWait(unsafeMonotonicNow(fiber)), unsafeNow(fiber))

/** Looks after a gate until nothing waits there. */
const admitUntilEmpty = (gate: Gate): Effect.Effect<void> =>
  Effect.withFiberRuntime<void>((fiber) => {
    const next = gate.admitDue(unsafeMonotonicNow(fiber))
    gate.admissionFiber = gate.size === 0 ? undefined : fiber
    // Time has to pass between two looks, however little is left.
    return gate.size === 0 ? Effect.void : Effect.zipRight(sleep(Math.max(1, next)), admitUntilEmpty(gate))
  })

/**
 * Of a fiber of its own, since a fiber that waits may be interrupted; it ends with the last that waits. Where fibers poll,
 * each of them moves the gate on.
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

/** After an event on which the next look depends: what the pump sleeps for is out of date. */
const restartAdmissionFiber = (gate: Gate): Effect.Effect<void> => {
  stopAdmissionFiber(gate)
  return gate.size === 0 ? Effect.void : startAdmissionFiber(gate)
}

const cancelWait = (gate: Gate, waiter: GateWaiter): void => {
  gate.cancel(waiter)
  if (gate.size === 0) stopAdmissionFiber(gate)
}

/** A fiber that polls looks after the gate itself. */
const awaitTurn = <E>(gate: Gate, waiter: GateWaiter, turn: Signal.Signal<void, E>): Effect.Effect<void, E> =>
  turn.wait((now) => {
    waiter.polledAt = now
    // It may have been removed as lost, because the process computed for longer than a waiter may be silent.
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

/** Of no use, open, closed, waited at. */
const retentionPriority = (gate: Gate, now: number): number =>
  gate.size > 0 ? 3 : gate.mustBeRetained(now) ? 2 : gate.isIdle(now) ? 0 : 1

/** Statuses that a service other than the limit of this client may throttle with, where they say when to come back. */
const isOverload = (status: number): boolean => status === 503 || status === 529

/** Whether the status of a response is one that may ask for a throttle: the others need not be looked at. */
export const mayThrottle = (status: number): boolean => status === 429 || status === 403 || isOverload(status)

/** Which waits an answer asks of all requests, in milliseconds; `unspecified` where it asks and names none. */
export type ParseRetryAfter = (response: HttpClientResponse, now: number) => number | "unspecified" | undefined

/** A limit asks always, an overload where it says when to come back. A 413 is about one request. */
export const parseRetryAfter: ParseRetryAfter = (response, now) => {
  const { headers, status } = response
  if (!mayThrottle(status)) return undefined
  if (isOverload(status)) return retryAfterHeaderMs(response, now)
  return isRateLimit(response) ? (RetryAfter.parse(headers, now)?.delayMs ?? "unspecified") : undefined
}

/** What shares a gate: an origin, an account, and a key of the caller's. */
const makeKeyOf =
  ({ account, key }: ThrottleOptions) =>
  (request: HttpClientRequest): string => {
    const origin = Origin.of(request.url)
    if (account === undefined && key === undefined) return origin
    return [origin, account?.(request), key?.(request)].join("\n")
  }

/** The gates of a client as a service: {@link Service.active} while there are any. */
export const makeServerThrottle = (
  options: ThrottleOptions,
  parseDelay: ParseRetryAfter,
  readsQuotaHeaders: boolean
): Service => {
  const maxWaitMs = Duration.toMillis(options.maxWait ?? defaults.maxWait)
  const maxThrottleMs = Duration.toMillis(options.maxThrottle ?? defaults.maxThrottle)
  const { onExceeded = defaults.onExceeded } = options
  const gates = new BoundedMap<Gate>(options.maxKeys ?? defaults.maxKeys, retentionPriority)
  /** Which gate a send was looked at by. */
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
    // Those that were on their way with it are refused for the same reason: what was said to the first holds for them.
    const requestedMs =
      ms === "unspecified" ? (gate.isClosed(now) ? gate.opensAt - now : defaultBackoffMs(gate.consecutiveClosings)) : ms
    gate.close(now, now + Math.min(requestedMs, maxThrottleMs), status, requestedMs > maxThrottleMs)
    gates.set(keyOf(request), gate, now)
    service.active = true
    return isProbing ? restartAdmissionFiber(gate) : Effect.void
  }

  const tryAdmit = (gate: Gate, gateRequest: GateRequest, now: number): boolean => {
    // A token that the probe itself asks the same origin for passes with it.
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

/** After a good answer; after the probe's, the pump has to look sooner than it was to. */
const onGoodResponse = (gate: Gate | undefined, now: number, send: object | undefined): Effect.Effect<void> => {
  if (gate === undefined) return Effect.void
  const isProbe = gate.probe !== undefined && gate.probe.send === send
  gate.onSuccess(now, send)
  return isProbe ? restartAdmissionFiber(gate) : Effect.void
}
