/**
 * Limits that the application sets itself (`RateLimit.make`). A request is counted when it is sent, so that a wait
 * cannot move it to a window in which it was not counted.
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

/** Requests that wait for the same limits. The first one waits for capacity, the others wait for the first. */
interface LimitQueue {
  readonly lock: Mutex.Mutex
  users: number
  /** Earliest time at which there is capacity, as the first request found it. */
  opensAt: number
}

/** A request that waits. Times are those of the monotonic clock. */
interface PendingRequest {
  readonly request: HttpClientRequest
  readonly send: object
  readonly since: number
  /** The wait fails if the request could only be sent at this time or later. */
  readonly deadline: number
}

const limitKeyOf = ({ key }: Limit, request: HttpClientRequest): string =>
  typeof key === "string" ? key : key === undefined ? Origin.of(request.url) : key(request)

const windowOf = ({ window }: Limit): number => Duration.toMillis(window)

/** Lower bound of the time until a queue of this size is sent, in milliseconds, wherever the windows begin. */
const minQueueMs = (limits: ReadonlyArray<Limit>, size: number): number =>
  limits.reduce((ms, limit) => Math.max(ms, (Math.floor(size / limit.limit) - 1) * windowOf(limit)), 0)

/**
 * The counters of a request. Two different limits with one key, per second and per day, have separate counters. Two
 * equal limits share one counter: otherwise the request would be counted twice in it, and never be sent.
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

/** Counts a request. Returns 0 if it may be sent, or the milliseconds until the next attempt to count it. */
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

/**
 * Admits a request when the server's throttle is over and every limit has capacity. Limits with short windows are
 * checked first.
 */
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

  /**
   * For the first request of a queue. A throttle that began during its wait must be over before the request is counted.
   */
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

  /**
   * Called when there is no capacity for `ms` milliseconds. Waits, or fails if `onExceeded` is `fail` or the wait would
   * be too long.
   */
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
