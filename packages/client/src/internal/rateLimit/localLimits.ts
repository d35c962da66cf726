/**
 * Limits of one's own, applied to requests: each is counted at the moment it is sent, so that nothing that a request
 * waits for moves it into a window in which it was not counted.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Origin from "@countersign/protocol/Origin"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RateLimited } from "../../Errors.js"
import * as Mutex from "../../Mutex.js"
import type * as RateLimiter from "../../RateLimiter.js"
import * as Timeline from "../../Timeline.js"
import { callOf } from "../call/context.js"
import { emitAdmitted } from "../telemetry/admittedEvent.js"
import { currentTimeMillis, monotonicMillis, unsafeMonotonicNow } from "../time/clock.js"
import { sleep } from "../time/sleep.js"
import { defaults, notSentError } from "./serverThrottle.js"
import type { Limit, Options, Service } from "./service.js"

/** Those who wait for the same limits. The first of them looks when there is room, the others wait for the first. */
interface LimitQueue {
  readonly lock: Mutex.Mutex
  users: number
  /** Before when there is no room, as the first one found. */
  opensAt: number
}

/** A request that waits for its turn. Instants are of the monotonic clock. */
interface PendingRequest {
  readonly request: HttpClientRequest
  readonly send: object
  readonly since: number
  /** If its turn comes then or later, it is too late. */
  readonly deadline: number
}

const limitKeyOf = ({ key }: Limit, request: HttpClientRequest): string =>
  typeof key === "string" ? key : key === undefined ? Origin.of(request.url) : key(request)

const windowOf = ({ window }: Limit): number => Duration.toMillis(window)

/** No fewer milliseconds than so many pass until those in a line have gone, however its windows lie. */
const minQueueMs = (limits: ReadonlyArray<Limit>, size: number): number =>
  limits.reduce((ms, limit) => Math.max(ms, (Math.floor(size / limit.limit) - 1) * windowOf(limit)), 0)

/**
 * What a request is counted against. Two limits of one key, by the second and by the day, have a count each. Two equal limits
 * have one count: a request that was counted twice in it would never be sent.
 */
const consumeOptionsOf = (
  limits: ReadonlyArray<Limit>,
  defaultAlgorithm: RateLimiter.Algorithm,
  request: HttpClientRequest
): ReadonlyArray<RateLimiter.ConsumeOptions> => {
  const counts = new Map<string, RateLimiter.ConsumeOptions>()
  for (const limit of limits) {
    const algorithm = limit.algorithm ?? defaultAlgorithm
    const key = `${algorithm} ${limit.limit}/${windowOf(limit)} ${limitKeyOf(limit, request)}`
    counts.set(key, { key, algorithm, limit: limit.limit, window: limit.window })
  }
  return [...counts.values()]
}

/** Counts a request: 0, or in how many milliseconds it is worth another try. */
const consumeAll = (
  limiter: RateLimiter.Service,
  counts: ReadonlyArray<RateLimiter.ConsumeOptions>,
  index = 0
): Effect.Effect<number> => {
  const count = counts[index]
  if (count === undefined) return Effect.succeed(0)
  const consumeRest = Effect.suspend(() => consumeAll(limiter, counts, index + 1))
  return Effect.matchEffect(limiter.consume(count), {
    onSuccess: () => consumeRest,
    onFailure: (error) =>
      error.reason === "Exceeded"
        ? Effect.succeed(Math.max(1, Math.ceil(Duration.toMillis(error.retryAfter))))
        : Effect.zipRight(Effect.logWarning(error.message), consumeRest)
  })
}

const failRateLimited = (request: HttpClientRequest, ms: number): Effect.Effect<never, RateLimited> =>
  Effect.flatMap(currentTimeMillis, (now) => Effect.fail(notSentError(request, "clientLimit", 429, ms, now)))

/** Requests are let through when the hold and then each limit has room; the shortest window is asked first. */
export const makeLocalLimits = (
  limiter: RateLimiter.Service,
  options: Options,
  throttle: Service | undefined
): Service => {
  const maxWaitMs = Duration.toMillis(options.maxWait ?? defaults.maxWait)
  const onExceeded = options.onExceeded ?? defaults.onExceeded
  const limits = [...options.limits].sort((a, b) => windowOf(a) - windowOf(b))
  const queues = new Map<string, LimitQueue>()
  const consume = (request: HttpClientRequest) =>
    consumeAll(limiter, consumeOptionsOf(limits, defaults.algorithm, request))
  const awaitThrottle = (request: HttpClientRequest, send: object): Effect.Effect<void, RateLimited> =>
    throttle?.active === true ? throttle.acquire(request, send) : Effect.void

  /** The first of a line: a hold that came while it waited has to be over before it is counted. */
  const acquireAsFirst = (pending: PendingRequest, queue: LimitQueue): Effect.Effect<void, RateLimited> =>
    Effect.suspend(() => awaitThrottle(pending.request, pending.send)).pipe(
      Effect.zipRight(consume(pending.request)),
      Effect.flatMap((ms) => (ms === 0 ? Effect.void : waitAndRetry(pending, queue, ms)))
    )

  const waitAndRetry = (pending: PendingRequest, queue: LimitQueue, ms: number) =>
    Effect.flatMap(monotonicMillis, (now): Effect.Effect<void, RateLimited> => {
      queue.opensAt = now + ms
      if (queue.opensAt >= pending.deadline) return failRateLimited(pending.request, ms)
      return Effect.zipRight(sleep(ms), acquireAsFirst(pending, queue))
    })

  const enqueue = (pending: PendingRequest, key: string, ms: number) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const queue = queues.get(key) ?? { lock: Mutex.make(maxWaitMs + 1000), users: 0, opensAt: 0 }
        queues.set(key, queue)
        queue.users++
        return queue
      }),
      (queue) =>
        Timeline.emit(() => ({ _tag: "Throttled", ms: Math.ceil(ms) })).pipe(
          Effect.zipRight(queue.lock.withLock(acquireAsFirst(pending, queue))),
          Effect.zipRight(emitAdmitted(pending.since))
        ),
      (queue) =>
        Effect.sync(() => {
          if (--queue.users === 0) queues.delete(key)
        })
    )

  /** Where there is no room for `ms` milliseconds: waits for it, or fails when that is not wanted or of no use. */
  const waitOrFail = (
    request: HttpClientRequest,
    send: object,
    key: string,
    ms: number
  ): Effect.Effect<void, RateLimited> =>
    Effect.withFiberRuntime((fiber) => {
      const since = unsafeMonotonicNow(fiber)
      const deadline = Math.min(callOf(fiber).deadline, since + maxWaitMs + 1)
      if (onExceeded === "fail" || since + ms >= deadline) return failRateLimited(request, ms)
      return enqueue({ request, send, since, deadline }, key, ms)
    })

  const acquirePermit = (request: HttpClientRequest, send: object): Effect.Effect<void, RateLimited> =>
    Effect.withFiberRuntime((fiber) => {
      const key = limits.map((limit) => limitKeyOf(limit, request)).join("\n")
      const queue = queues.get(key)
      if (queue !== undefined) {
        const ms = Math.max(1, queue.opensAt - unsafeMonotonicNow(fiber)) + minQueueMs(limits, queue.lock.users())
        return waitOrFail(request, send, key, ms)
      }
      return Effect.flatMap(consume(request), (ms) => (ms === 0 ? Effect.void : waitOrFail(request, send, key, ms)))
    })

  return {
    active: true,
    acquire: (request, send) =>
      Effect.zipRight(
        Effect.suspend(() => awaitThrottle(request, send)),
        acquirePermit(request, send)
      ),
    onResponse: (request, response, send) => throttle?.onResponse(request, response, send) ?? Effect.void,
    ...(throttle?.end === undefined ? {} : { end: throttle.end })
  }
}
