/** Runs requests with a permit of their origin's bulkhead. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Overloaded } from "../../Errors.js"
import * as Timeline from "../../Timeline.js"
import type { CallContext } from "../call/context.js"
import type { Send } from "../call/pipeline.js"
import { contextOf, deadlineAt, holding, publish } from "../call/context.js"
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
 * Defaults of {@link Options} and of `adaptive`. The default of `maxQueued` is twice the limit.
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
  /** Whether the limit changes with the results of requests. Only then results are recorded. */
  readonly isAdaptive: boolean
  /** Whether durations of requests are measured. */
  readonly measuresDuration: boolean
  readonly maxQueued: number | undefined
  /** Maximum wait for a permit, in milliseconds. */
  readonly maxWaitMs: number
}

/** A request that needs a permit, and how to run it. */
interface AdmissionRequest<E, R> {
  readonly resolved: ResolvedOptions
  readonly bulkhead: Bulkhead
  readonly context: CallContext
  readonly restore: Restore
  readonly request: HttpClientRequest
  readonly next: Send<E, R>
}

/** Share of the time until the deadline that a request may wait. A permit shortly before the deadline is useless. */
const deadlineShare = 0.95

const isOverload = (status: number): boolean => status === 429 || isOutage(status)

/** For errors with a `retryAfter`: a 403 among them is a rate limit. */
const isOverloadError = (status: number): boolean => status === 403 || isOverload(status)

const responseHealth = (response: HttpClientResponse): ServerHealth =>
  isOverload(response.status) || (response.status === 403 && isRateLimit(response)) ? "failing" : "healthy"

const causeHealth = (cause: Cause.Cause<unknown>): ServerHealth => {
  const failure = Cause.failureOption(cause)
  return Option.isNone(failure) ? undefined : serverHealthOf(failure.value, isOverloadError)
}

const makeOverloaded = ({ limit, origin, queued }: Bulkhead): Overloaded => new Overloaded({ origin, limit, queued })

/** Sends the request with a permit, and always releases the permit. */
const sendWithPermit = <E, R>(
  { bulkhead, context, next, request, resolved, restore }: AdmissionRequest<E, R>,
  permit: Permit
): Exchange<E, R> => {
  const { fiber } = context
  if (resolved.measuresDuration) permit.startedAt = unsafeMonotonicNow(fiber)
  const releasePermit = (health: ServerHealth): void => {
    if (health !== undefined) {
      const ms = resolved.measuresDuration ? unsafeMonotonicNow(fiber) - permit.startedAt : 0
      bulkhead.recordResult(permit, health === "failing", ms)
    }
    bulkhead.release(permit, context)
  }
  return Effect.matchCauseEffect(restore(next(request, holding(context, permit))), {
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

/**
 * Waits for a permit, for at most `ms` milliseconds. The timeout and the permit may come at the same time, so
 * `waiter.isAdmitted` decides.
 */
const waitForPermit = <E, R>(admission: AdmissionRequest<E, R>, ms: number): Exchange<E | Overloaded, R> => {
  const { bulkhead, context, next, restore } = admission
  const { fiber } = context
  const ahead = bulkhead.queued
  const since = unsafeMonotonicNow(fiber)
  const waiter = bulkhead.enqueue(context)
  const turn = Effect.zipRight(
    Timeline.emit(() => ({ _tag: "Queued", ahead })),
    Effect.suspend(() => bulkhead.awaitTurn(waiter, since + ms, context))
  )
  const cancel = () => {
    bulkhead.cancel(waiter, context)
  }
  return Effect.matchCauseEffect(restore(turn), {
    onFailure: (cause) => {
      cancel()
      return Effect.failCause(cause)
    },
    onSuccess: (): Exchange<E | Overloaded, R> => {
      if (waiter.isAdmitted) {
        const sendNow: Send<E, R> = (request, held) =>
          Effect.zipRight(
            emitAdmitted(since),
            Effect.suspend(() => next(request, held))
          )
        return sendWithPermit({ ...admission, next: sendNow }, waiter.permit)
      }
      cancel()
      return Effect.fail(makeOverloaded(bulkhead))
    }
  })
}

/** Called if there is no free permit. A nested request needs none, others wait if the queue has room. */
const enqueue = <E, R>(admission: AdmissionRequest<E, R>): Exchange<E | Overloaded, R> => {
  const { bulkhead, context, next, request, resolved, restore } = admission
  if (bulkhead.isReentrant(context)) return restore(next(request, context))
  if (bulkhead.queued >= (resolved.maxQueued ?? 2 * bulkhead.limit)) return Effect.fail(makeOverloaded(bulkhead))
  const ms = Math.min(resolved.maxWaitMs, (deadlineAt(context) - unsafeMonotonicNow(context.fiber)) * deadlineShare)
  return ms <= 0 ? Effect.fail(makeOverloaded(bulkhead)) : waitForPermit(admission, ms)
}

const makeFixedLimit = (limit: number): AdaptiveLimit => ({ limit: Math.max(1, Math.floor(limit)), onResult: () => {} })

/** Idle with a fixed limit, idle with an adapted limit, in use. */
const retentionPriority =
  ({ isAdaptive }: ResolvedOptions) =>
  ({ queued, inFlight }: Bulkhead): number =>
    inFlight + queued > 0 ? 2 : isAdaptive ? 1 : 0

/** Sends a request with a permit, in the context of its call. */
export type WithPermit = <E, R>(
  request: HttpClientRequest,
  next: Send<E, R>,
  context: CallContext
) => Exchange<E | Overloaded, R>

/** How the services that this module makes take the context. A service of the application does not. */
const withPermitOf = new WeakMap<Service, WithPermit>()

/** Sends a request with a permit of a service, if this module made the service. */
export const contextualWithPermit = (service: Service): WithPermit | undefined => withPermitOf.get(service)

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
  const withPermit: WithPermit = (request, next, context) => {
    const bulkhead = bulkheads.getOrMake(request)
    if (bulkhead === undefined) return next(request, context)
    return Effect.uninterruptibleMask((restore) => {
      const admission = { resolved, bulkhead, context, restore, request, next }
      const permit = bulkhead.tryAcquire(context)
      return permit === undefined ? enqueue(admission) : sendWithPermit(admission, permit)
    })
  }
  const service: Service = {
    withPermit: (request, exchange) =>
      Effect.withFiberRuntime((fiber) =>
        withPermit(request, (_, context) => publish(exchange, context), contextOf(fiber))
      ),
    stats: (origin) =>
      Effect.sync(() => {
        const { limit, queued, inFlight } = bulkheads.find(origin) ?? new Bulkhead(origin, makeLimit())
        return { limit, queued, inFlight }
      })
  }
  withPermitOf.set(service, withPermit)
  return service
}
