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
import { Recent } from "../origins/boundedMap.js"
import { shownUrl } from "../redaction/requestHistory.js"
import { dateAfter, isLimit, saidWait } from "../response/retryAfter.js"
import { admitted } from "../telemetry/admittedEvent.js"
import { monotonicOf, nowOf } from "../time/clock.js"
import { sleep } from "../time/sleep.js"
import type { Sender, Waiter } from "./admissionGate.js"
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
export const heldBack = (
  request: HttpClientRequest,
  source: RateLimitSource,
  status: number,
  ms: number,
  now: number
): RateLimited => {
  const whole = Math.max(1, Math.ceil(ms))
  return new RateLimited({
    method: request.method,
    url: shownUrl(request),
    status,
    source,
    retryAfter: Duration.millis(whole),
    retryAt: dateAfter(whole, now)
  })
}

/** The wait after a 429 that names none, in milliseconds: the bounds of the retry's backoff. */
const unsaid = (closings: number): number => Math.min(1000 * 2 ** closings, 20_000)

const limitedNow = (request: HttpClientRequest, gate: Gate, fiber: Running): RateLimited =>
  heldBack(request, "throttle", gate.status, gate.waitOf(monotonicOf(fiber)), nowOf(fiber))

/** Looks after a gate until nothing waits there. */
const pump = (gate: Gate): Effect.Effect<void> =>
  Effect.withFiberRuntime<void>((fiber) => {
    const next = gate.tick(monotonicOf(fiber))
    gate.pump = gate.size === 0 ? undefined : fiber
    // Time has to pass between two looks, however little is left.
    return gate.size === 0 ? Effect.void : Effect.zipRight(sleep(Math.max(1, next)), pump(gate))
  })

/**
 * Of a fiber of its own, since a fiber that waits may be interrupted; it ends with the last that waits. Where fibers poll,
 * each of them moves the gate on.
 */
const startPump = (gate: Gate): Effect.Effect<void> =>
  Effect.withFiberRuntime<void>((fiber) => {
    if (gate.pump !== undefined || isPolling(fiber)) return Effect.void
    gate.pump = "starting"
    return Effect.asVoid(Effect.forkDaemon(Effect.interruptible(pump(gate))))
  })

const stopPump = (gate: Gate): void => {
  if (gate.pump === undefined || gate.pump === "starting") return
  gate.pump.unsafeInterruptAsFork(FiberId.none)
  gate.pump = undefined
}

/** After an event on which the next look depends: what the pump sleeps for is out of date. */
const restartPump = (gate: Gate): Effect.Effect<void> => {
  stopPump(gate)
  return gate.size === 0 ? Effect.void : startPump(gate)
}

const leave = (gate: Gate, waiter: Waiter): void => {
  gate.leave(waiter)
  if (gate.size === 0) stopPump(gate)
}

/** A fiber that polls looks after the gate itself. */
const turnOf = <E>(gate: Gate, waiter: Waiter, turn: Signal.Signal<void, E>): Effect.Effect<void, E> =>
  turn.wait((now) => {
    waiter.polledAt = now
    // It may have been removed as lost, because the process computed for longer than a waiter may be silent.
    if (turn.outcome === undefined) gate.join(waiter)
    gate.tick(now)
  })

const wait = (request: HttpClientRequest, gate: Gate, sender: Sender, latest: number) =>
  Effect.acquireUseRelease(
    Effect.withFiberRuntime<readonly [Waiter, Signal.Signal<void, RateLimited>, since: number, ms: number]>((fiber) => {
      const since = monotonicOf(fiber)
      const ms = Math.ceil(gate.waitOf(since))
      const turn = Signal.make<void, RateLimited>()
      const settle: Waiter["settle"] = (outcome) => {
        turn.complete(outcome === "admitted" ? Exit.void : Exit.fail(limitedNow(request, gate, fiber)))
      }
      const waiter: Waiter = { ...sender, latest, settle, polledAt: undefined }
      gate.join(waiter)
      return Effect.as(startPump(gate), [waiter, turn, since, ms] as const)
    }),
    ([waiter, turn, since, ms]) =>
      Effect.zipRight(
        Timeline.emit(() => ({ _tag: "Throttled", ms })),
        Effect.zipRight(turnOf(gate, waiter, turn), admitted(since))
      ),
    ([waiter]) =>
      Effect.sync(() => {
        leave(gate, waiter)
      })
  )

/** Of no use, open, closed, waited at. */
const worth = (gate: Gate, now: number): number =>
  gate.size > 0 ? 3 : gate.isClosing(now) ? 2 : gate.isIdle(now) ? 0 : 1

/** Statuses that a service other than the limit of this client may throttle with, where they say when to come back. */
const isOverload = (status: number): boolean => status === 503 || status === 529

/** Whether the status of a response is one that may ask for a throttle: the others need not be looked at. */
export const mayThrottle = (status: number): boolean => status === 429 || status === 403 || isOverload(status)

/** Which waits an answer asks of all requests, in milliseconds; `unsaid` where it asks and names none. */
export type Asked = (response: HttpClientResponse, now: number) => number | "unsaid" | undefined

/** A limit asks always, an overload where it says when to come back. A 413 is about one request. */
export const asked: Asked = (response, now) => {
  const { headers, status } = response
  if (!mayThrottle(status)) return undefined
  if (isOverload(status)) return saidWait(response, now)
  return isLimit(response) ? (RetryAfter.parse(headers, now)?.delayMs ?? "unsaid") : undefined
}

/** What shares a gate: an origin, an account, and a key of the caller's. */
const keying =
  ({ account, key }: ThrottleOptions) =>
  (request: HttpClientRequest): string => {
    const origin = Origin.of(request.url)
    if (account === undefined && key === undefined) return origin
    return [origin, account?.(request), key?.(request)].join("\n")
  }

/** The gates of a client as a service: {@link Service.active} while there are any. */
export const holding = (options: ThrottleOptions, asks: Asked, learns: boolean): Service => {
  const longest = Duration.toMillis(options.maxWait ?? defaults.maxWait)
  const ceiling = Duration.toMillis(options.maxThrottle ?? defaults.maxThrottle)
  const { onExceeded = defaults.onExceeded } = options
  const gates = new Recent<Gate>(options.maxKeys ?? defaults.maxKeys, worth)
  /** Which gate a send was looked at by. */
  const looked = new WeakMap<object, Gate>()
  const keyOf = keying(options)

  const find = (request: HttpClientRequest, now: number): Gate | undefined => {
    gates.trim(now)
    const key = keyOf(request)
    const gate = gates.get(key)
    if (gate?.isIdle(now) === true) gates.delete(key)
    service.active = learns || gates.size > 0
    return gate?.isIdle(now) === true ? undefined : gate
  }

  const close = (request: HttpClientRequest, status: number, ms: number | "unsaid", now: number) => {
    const gate = find(request, now) ?? new Gate()
    const isProbing = gate.probe !== undefined
    // Those that were on their way with it are refused for the same reason: what was said to the first holds for them.
    const asked = ms === "unsaid" ? (gate.isClosed(now) ? gate.opensAt - now : unsaid(gate.closings)) : ms
    gate.close(now, now + Math.min(asked, ceiling), status, asked > ceiling)
    gates.set(keyOf(request), gate, now)
    service.active = true
    return isProbing ? restartPump(gate) : Effect.void
  }

  const enter = (gate: Gate, sender: Sender, now: number): boolean => {
    // A token that the probe itself asks the same origin for passes with it.
    if (gate.probe !== undefined && isWithin(sender.holder.fiber, gate.probe.holder)) return true
    return gate.enter(now, sender)
  }

  const service = {
    active: learns,
    acquire: (request: HttpClientRequest, send: object) =>
      Effect.withFiberRuntime<void, RateLimited>((fiber) => {
        const now = monotonicOf(fiber)
        const gate = find(request, now)
        if (gate === undefined) return Effect.void
        looked.set(send, gate)
        const sender = { send, holder: holderOf(fiber) }
        if (enter(gate, sender, now)) return Effect.void
        const latest = Math.min(callOf(fiber).deadline, now + longest + 1)
        return onExceeded === "fail" || gate.opensAt >= latest
          ? Effect.fail(limitedNow(request, gate, fiber))
          : wait(request, gate, sender, latest)
      }),
    onResponse: (request: HttpClientRequest, response: HttpClientResponse, send?: object) =>
      Effect.withFiberRuntime<void>((fiber) => {
        const now = monotonicOf(fiber)
        const ms = asks(response, nowOf(fiber))
        if (ms === "unsaid" || (ms !== undefined && ms > 0)) return close(request, response.status, ms, now)
        if (response.status < 500 && !isLimit(response)) return passed(find(request, now), now, send)
        return Effect.void
      }),
    end: (send: object) =>
      Effect.withFiberRuntime<void>((fiber) => {
        const gate = looked.get(send)
        return gate?.end(monotonicOf(fiber), send) === true ? restartPump(gate) : Effect.void
      })
  }
  return service
}

/** After a good answer; after the probe's, the pump has to look sooner than it was to. */
const passed = (gate: Gate | undefined, now: number, send: object | undefined): Effect.Effect<void> => {
  if (gate === undefined) return Effect.void
  const isProbe = gate.probe !== undefined && gate.probe.send === send
  gate.good(now, send)
  return isProbe ? restartPump(gate) : Effect.void
}
