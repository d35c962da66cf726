/**
 * One 429 holds everybody: the gates of a client, one for each origin and account that was asked to wait.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Origin from "@countersign/protocol/Origin"
import * as Redact from "@countersign/protocol/Redact"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { RateLimitedBy } from "../Errors.js"
import { RateLimited } from "../Errors.js"
import type { defaults, HoldOptions, Service } from "../RateLimit.js"
import * as Timeline from "../Timeline.js"
import { callOf } from "./call.js"
import type { Waiter } from "./gate.js"
import { Gate } from "./gate.js"
import { nowOf } from "./now.js"
import { Recent } from "./recent.js"
import { sleep } from "./sleep.js"

/** The last instant that a date can hold: a server may ask for more. */
const endOfTime = 8.64e15

/** The error of a request that was not sent. */
export const heldBack = (
  request: HttpClientRequest,
  by: RateLimitedBy,
  status: number,
  ms: number,
  now: number
): RateLimited =>
  new RateLimited({
    method: request.method,
    url: Redact.url(request.url),
    status,
    by,
    retryAfter: Duration.millis(ms),
    retryAt: Option.getOrUndefined(DateTime.make(Math.min(now + ms, endOfTime)))
  })

/** The wait after a 429 that names none, in milliseconds: the bounds of the retry's backoff. */
const unsaid = (closings: number): number => Math.min(1000 * 2 ** closings, 20_000)

const limitedNow = (request: HttpClientRequest, gate: Gate, now: number): RateLimited =>
  // An open gate lets in one by one: the next look at it is the earliest that can help.
  heldBack(request, "hold", gate.status, Math.max(gate.opensAt - now, 1), now)

/** Looks after a gate until nobody waits there. */
const pump = (gate: Gate): Effect.Effect<void> =>
  Effect.withFiberRuntime<void>((fiber) => {
    const next = gate.tick(nowOf(fiber))
    gate.pump = gate.size === 0 ? undefined : fiber
    return gate.size === 0 ? Effect.void : Effect.zipRight(sleep(next), pump(gate))
  })

/** Of a fiber of its own, since whoever waits may be interrupted; it ends with the last who waits. */
const startPump = (gate: Gate): Effect.Effect<void> => {
  if (gate.pump !== undefined) return Effect.void
  gate.pump = "starting"
  return Effect.asVoid(Effect.forkDaemon(Effect.interruptible(pump(gate))))
}

const leave = (gate: Gate, waiter: Waiter): void => {
  gate.leave(waiter)
  if (gate.size > 0 || gate.pump === undefined || gate.pump === "starting") return
  gate.pump.unsafeInterruptAsFork(FiberId.none)
  gate.pump = undefined
}

const wait = (request: HttpClientRequest, gate: Gate, since: number, latest: number) =>
  Effect.acquireUseRelease(
    Effect.withFiberRuntime<readonly [Waiter, Deferred.Deferred<void, RateLimited>]>((fiber) => {
      const turn = Deferred.unsafeMake<void, RateLimited>(fiber.id())
      const tooLate = Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fail(limitedNow(request, gate, now)))
      const settle: Waiter["settle"] = (outcome) =>
        Deferred.unsafeDone(turn, outcome === "admitted" ? Effect.void : tooLate)
      const waiter = { latest, settle }
      gate.join(waiter)
      return Effect.as(startPump(gate), [waiter, turn] as const)
    }),
    ([, turn]) =>
      Effect.zipRight(
        Timeline.emit(() => ({ _tag: "Held", ms: Math.max(0, gate.opensAt - since) })),
        Effect.zipRight(
          Deferred.await(turn),
          Timeline.emit(() => ({ _tag: "Admitted" }))
        )
      ),
    ([waiter]) =>
      Effect.sync(() => {
        leave(gate, waiter)
      })
  )

/** Of no use, open, closed, waited at. */
const worth = (gate: Gate, now: number): number =>
  gate.size > 0 ? 3 : gate.isClosed(now) ? 2 : gate.isIdle(now) ? 0 : 1

const isSaid = (found: RetryAfter.RetryAfter): boolean =>
  found.source === "retry-after" || found.source === "retry-after-ms"

/** Which waits an answer asks of everybody, in milliseconds; `unsaid` where it asks and names none. */
export type Asked = (response: HttpClientResponse, now: number) => number | "unsaid" | undefined

/** A 429 asks always, and a 503 where it says when to come back. */
export const asked: Asked = (response, now) => {
  if (response.status !== 429 && response.status !== 503) return undefined
  const found = RetryAfter.parse(response.headers, now)
  if (response.status === 429) return found?.delayMs ?? "unsaid"
  return found !== undefined && isSaid(found) ? found.delayMs : undefined
}

/** The gates of a client as a service: {@link Service.active} while there are any. */
export const holding = (options: HoldOptions, otherwise: typeof defaults, asks: Asked, learns: boolean): Service => {
  const longest = Duration.toMillis(options.longest ?? otherwise.longest)
  const { account, onLimit = otherwise.onLimit } = options
  const gates = new Recent<Gate>(options.capacity ?? otherwise.capacity, worth)
  const keyOf = (request: HttpClientRequest): string => {
    const origin = Origin.of(request.url)
    return account === undefined ? origin : `${origin} ${account(request)}`
  }

  const find = (request: HttpClientRequest, now: number): Gate | undefined => {
    gates.trim(now)
    const key = keyOf(request)
    const gate = gates.get(key)
    if (gate?.isIdle(now) === true) gates.delete(key)
    service.active = learns || gates.size > 0
    return gate?.isIdle(now) === true ? undefined : gate
  }

  const close = (request: HttpClientRequest, status: number, ms: number | "unsaid", now: number): void => {
    const gate = find(request, now) ?? new Gate()
    // Those who were on their way with it are refused for the same reason: what was said to the first holds for them.
    const unnamed = gate.isClosed(now) ? gate.opensAt : now + unsaid(gate.closings)
    gate.close(now, ms === "unsaid" ? unnamed : now + ms, status)
    gates.set(keyOf(request), gate, now)
    service.active = true
  }

  const service = {
    active: learns,
    admit: (request: HttpClientRequest) =>
      Effect.withFiberRuntime<void, RateLimited>((fiber) => {
        const now = nowOf(fiber)
        const gate = find(request, now)
        if (gate === undefined || gate.enter(now)) return Effect.void
        const latest = Math.min(callOf(fiber).deadline, now + longest + 1)
        return onLimit === "fail" || gate.opensAt >= latest
          ? Effect.fail(limitedNow(request, gate, now))
          : wait(request, gate, now, latest)
      }),
    heed: (request: HttpClientRequest, response: HttpClientResponse) =>
      Effect.withFiberRuntime<void>((fiber) => {
        const now = nowOf(fiber)
        const ms = asks(response, now)
        if (ms === "unsaid" || (ms !== undefined && ms > 0)) close(request, response.status, ms, now)
        else if (response.status < 500 && response.status !== 429) find(request, now)?.good(now)
        return Effect.void
      })
  }
  return service
}
