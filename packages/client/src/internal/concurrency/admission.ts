/** Exchanges on their way through the bulkheads of a client. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Overloaded } from "../../Errors.js"
import * as Timeline from "../../Timeline.js"
import type { Running } from "../call/context.js"
import { callOf } from "../call/context.js"
import { PerOrigin } from "../origins/perOrigin.js"
import type { ServerHealth } from "../origins/serverHealth.js"
import { isOutage, serverHealthOf } from "../origins/serverHealth.js"
import { isRateLimit } from "../response/retryAfter.js"
import { emitAdmitted } from "../telemetry/admittedEvent.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import { Bulkhead } from "./bulkhead.js"
import type { Permit } from "./bulkhead.js"
import type { Limit, AdaptiveLimit, Options, Service } from "./service.js"

/**
 * What {@link Options}, and those of `adaptive`, are when they are left out; `maxQueued` is twice the limit.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  maxWait: "60 seconds",
  maxOrigins: 1000,
  min: 1,
  max: 200,
  initial: 20,
  backoffRatio: 0.7
} as const

type Exchange<E, R> = Effect.Effect<HttpClientResponse, E, R>

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface ResolvedOptions {
  /** Whether the limit moves: only then somebody wants to know how exchanges end. */
  readonly isAdaptive: boolean
  /** Whether it wants to know how long they took. */
  readonly measuresDuration: boolean
  readonly maxQueued: number | undefined
  /** The longest wait, in milliseconds. */
  readonly maxWaitMs: number
}

/** A request that wants to be sent, and by which way. */
interface AdmissionRequest<E, R> {
  readonly resolved: ResolvedOptions
  readonly bulkhead: Bulkhead
  readonly fiber: Running
  readonly restore: Restore
  readonly exchange: Exchange<E, R>
}

/** The longest wait that a timer of the platform can hold. */
const maxTimerMillis = 2 ** 31 - 1

/** Of the time that the call has left: who gets a permit in its last moments can do nothing with it. */
const deadlineShare = 0.95

const isOverload = (status: number): boolean => status === 429 || isOutage(status)

/** Of an error with a status that asks for a wait: a 403 is one where it is a rate limit. */
const isOverloadError = (status: number): boolean => status === 403 || isOverload(status)

const responseHealth = (response: HttpClientResponse): ServerHealth =>
  isOverload(response.status) || (response.status === 403 && isRateLimit(response)) ? "failing" : "healthy"

const causeHealth = (cause: Cause.Cause<unknown>): ServerHealth => {
  const failure = Cause.failureOption(cause)
  return Option.isNone(failure) ? undefined : serverHealthOf(failure.value, isOverloadError)
}

const makeOverloaded = ({ limit, origin, queued }: Bulkhead): Overloaded => new Overloaded({ origin, limit, queued })

/** Sends with a permit, and gives it back whatever comes. */
const sendWithPermit = <E, R>(
  { bulkhead, exchange, fiber, restore, resolved }: AdmissionRequest<E, R>,
  permit: Permit
): Exchange<E, R> => {
  if (resolved.measuresDuration) permit.startedAt = unsafeMonotonicNow(fiber)
  const releasePermit = (health: ServerHealth): void => {
    if (health !== undefined) {
      bulkhead.recordResult(
        permit,
        health === "failing",
        resolved.measuresDuration ? unsafeMonotonicNow(fiber) - permit.startedAt : 0
      )
    }
    bulkhead.release(permit)
  }
  return Effect.matchCauseEffect(restore(exchange), {
    onFailure: (cause) => {
      releasePermit(resolved.isAdaptive ? causeHealth(cause) : undefined)
      return Effect.failCause(cause)
    },
    onSuccess: (response) => {
      releasePermit(resolved.isAdaptive ? responseHealth(response) : undefined)
      return Effect.succeed(response)
    }
  })
}

/** Waits for a turn, for so many milliseconds. It is the waiter who knows what came of it: both may happen at once. */
const waitForPermit = <E, R>(admission: AdmissionRequest<E, R>, ms: number): Exchange<E | Overloaded, R> => {
  const { bulkhead, exchange, fiber, restore } = admission
  const ahead = bulkhead.queued
  const since = unsafeMonotonicNow(fiber)
  const waiter = bulkhead.enqueue(fiber)
  const turn = Effect.zipRight(
    Timeline.emit(() => ({ _tag: "Queued", ahead })),
    // Where the caller cannot be interrupted, the end of the time has to end the wait all the same.
    Effect.timeoutOption(Effect.interruptible(bulkhead.awaitTurn(waiter)), Duration.millis(ms))
  )
  const cancel = () => {
    bulkhead.cancel(waiter)
  }
  return Effect.matchCauseEffect(restore(turn), {
    onFailure: (cause) => {
      cancel()
      return Effect.failCause(cause)
    },
    onSuccess: (): Exchange<E | Overloaded, R> => {
      if (waiter.admitted) {
        return sendWithPermit({ ...admission, exchange: Effect.zipRight(emitAdmitted(since), exchange) }, waiter.permit)
      }
      cancel()
      return Effect.fail(makeOverloaded(bulkhead))
    }
  })
}

/** Where there is no permit: some need none, some may wait. */
const enqueue = <E, R>(admission: AdmissionRequest<E, R>): Exchange<E | Overloaded, R> => {
  const { bulkhead, exchange, fiber, restore, resolved } = admission
  if (bulkhead.isReentrant(fiber)) return restore(exchange)
  if (bulkhead.queued >= (resolved.maxQueued ?? 2 * bulkhead.limit)) return Effect.fail(makeOverloaded(bulkhead))
  const ms = Math.min(
    resolved.maxWaitMs,
    (callOf(fiber).deadline - unsafeMonotonicNow(fiber)) * deadlineShare,
    maxTimerMillis
  )
  return ms <= 0 ? Effect.fail(makeOverloaded(bulkhead)) : waitForPermit(admission, ms)
}

const makeFixedLimit = (limit: number): AdaptiveLimit => ({ limit: Math.max(1, Math.floor(limit)), onResult: () => {} })

/** Idle, idle with something learnt, in use. */
const retentionPriority =
  ({ isAdaptive }: ResolvedOptions) =>
  ({ queued, inFlight }: Bulkhead): number =>
    inFlight + queued > 0 ? 2 : isAdaptive ? 1 : 0

/** The bulkheads of a client as a service. */
export const makeConcurrencyLimiter = (limit: number | Limit, options: Options): Service => {
  const resolved: ResolvedOptions = {
    isAdaptive: typeof limit !== "number",
    measuresDuration: typeof limit !== "number" && limit.needsDuration,
    maxQueued: options.maxQueued,
    maxWaitMs: Duration.toMillis(options.maxWait ?? defaults.maxWait)
  }
  const makeLimit = typeof limit === "number" ? () => makeFixedLimit(limit) : limit.make
  const bulkheads = new PerOrigin(
    options.maxOrigins ?? defaults.maxOrigins,
    retentionPriority(resolved),
    (origin) => new Bulkhead(origin, makeLimit())
  )
  return {
    withPermit: <E, R>(request: HttpClientRequest, exchange: Exchange<E, R>) =>
      Effect.withFiberRuntime<HttpClientResponse, E | Overloaded, R>((fiber) => {
        const bulkhead = bulkheads.getOrMake(request)
        if (bulkhead === undefined) return exchange
        return Effect.uninterruptibleMask((restore) => {
          const admission = { resolved, bulkhead, fiber, restore, exchange }
          const permit = bulkhead.tryAcquire(fiber)
          return permit === undefined ? enqueue(admission) : sendWithPermit(admission, permit)
        })
      }),
    stats: (origin) =>
      Effect.sync(() => {
        const { limit, queued, inFlight } = bulkheads.find(origin) ?? new Bulkhead(origin, makeLimit())
        return { limit, queued, inFlight }
      })
  }
}
