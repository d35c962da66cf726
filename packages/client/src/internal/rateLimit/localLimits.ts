/**
 * Limits that the application sets itself (`RateLimit.make`). A request is counted when it is sent, so that a wait
 * cannot move it to a window in which it was not counted.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Origin from "@countersign/protocol/Origin"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RateLimited } from "../../Errors.js"
import type * as RateLimiter from "../../RateLimiter.js"
import * as Timeline from "../../Timeline.js"
import type { CallContext } from "../call/context.js"
import { deadlineAt } from "../call/context.js"
import { runnerOf } from "../call/immediate.js"
import { KeyedLocks, Lock } from "../call/lock.js"
import { emitAdmitted } from "../telemetry/admittedEvent.js"
import { currentTimeMillis, monotonicMillis, unsafeMonotonicNow } from "../time/clock.js"
import { sleep } from "../time/sleep.js"
import { defaults, notSentError } from "./serverThrottle.js"
import type { RateLimits } from "./rateLimits.js"
import type { Limit, Options } from "./service.js"

/** Requests that wait for the same limits. The first one waits for capacity, the others wait for the first. */
class LimitQueue extends Lock {
  /** Earliest time at which there is capacity, as the first request found it. */
  opensAt = 0
}

/** A request that waits. Times are those of the monotonic clock. */
interface PendingRequest {
  readonly request: HttpClientRequest
  readonly send: object
  readonly context: CallContext
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

type Consume = (count: RateLimiter.ConsumeOptions) => Effect.Effect<unknown, RateLimiter.RateLimiterError>

/** Counts a request. Returns 0 if it may be sent, or the milliseconds until the next attempt to count it. */
const consumeAll = (
  consume: Consume,
  counts: ReadonlyArray<RateLimiter.ConsumeOptions>,
  index = 0
): Effect.Effect<number> => {
  const count = counts[index]
  if (count === undefined) return Effect.succeed(0)
  const consumeRest = Effect.suspend(() => consumeAll(consume, counts, index + 1))
  return Effect.matchEffect(consume(count), {
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
  throttle: RateLimits | undefined
): RateLimits => {
  const maxWaitMs = Duration.toMillis(options.maxWait ?? defaults.maxWait)
  const onExceeded = options.onExceeded ?? defaults.onExceeded
  const limits = [...options.limits].sort((a, b) => windowOf(a) - windowOf(b))
  const queues = new KeyedLocks(() => new LimitQueue(maxWaitMs + 1000))
  const run = runnerOf(limiter)
  const consume = (request: HttpClientRequest, context: CallContext) =>
    consumeAll((count) => run(limiter.consume(count), context), consumeOptionsOf(limits, defaults.algorithm, request))
  const awaitThrottle = ({ context, request, send }: Pick<PendingRequest, "context" | "request" | "send">) =>
    throttle?.isActive() === true ? throttle.acquire(request, send, context) : Effect.void

  /**
   * For the first request of a queue. A throttle that began during its wait must be over before the request is counted.
   */
  const acquireAsFirst = (pending: PendingRequest, queue: LimitQueue): Effect.Effect<void, RateLimited> =>
    Effect.suspend(() => awaitThrottle(pending)).pipe(
      Effect.zipRight(Effect.suspend(() => consume(pending.request, pending.context))),
      Effect.flatMap((ms) => (ms === 0 ? Effect.void : waitAndRetry(pending, queue, ms)))
    )

  const waitAndRetry = (pending: PendingRequest, queue: LimitQueue, ms: number) =>
    Effect.flatMap(monotonicMillis, (now): Effect.Effect<void, RateLimited> => {
      queue.opensAt = now + ms
      if (queue.opensAt >= pending.deadline) return failRateLimited(pending.request, ms)
      return Effect.zipRight(sleep(ms), acquireAsFirst(pending, queue))
    })

  const enqueue = (pending: PendingRequest, key: string, ms: number) =>
    queues.use(key, (queue) =>
      Timeline.emit(() => ({ _tag: "Throttled", ms: Math.ceil(ms) })).pipe(
        Effect.zipRight(queue.withLock(acquireAsFirst(pending, queue), pending.context)),
        Effect.zipRight(emitAdmitted(pending.since))
      )
    )

  /**
   * Called when there is no capacity for `ms` milliseconds. Waits, or fails if `onExceeded` is `fail` or the wait would
   * be too long.
   */
  const waitOrFail = (
    request: HttpClientRequest,
    send: object,
    context: CallContext,
    key: string,
    ms: number
  ): Effect.Effect<void, RateLimited> => {
    const since = unsafeMonotonicNow(context.fiber)
    const deadline = Math.min(deadlineAt(context), since + maxWaitMs + 1)
    if (onExceeded === "fail" || since + ms >= deadline) return failRateLimited(request, ms)
    return enqueue({ request, send, context, since, deadline }, key, ms)
  }

  const acquirePermit: RateLimits["acquire"] = (request, send, context) => {
    const key = limits.map((limit) => limitKeyOf(limit, request)).join("\n")
    const queue = queues.get(key)
    if (queue !== undefined) {
      const ms = Math.max(1, queue.opensAt - unsafeMonotonicNow(context.fiber)) + minQueueMs(limits, queue.users)
      return waitOrFail(request, send, context, key, ms)
    }
    return Effect.flatMap(consume(request, context), (ms) =>
      ms === 0 ? Effect.void : waitOrFail(request, send, context, key, ms)
    )
  }

  return {
    isActive: () => true,
    acquire: (request, send, context) =>
      Effect.zipRight(
        awaitThrottle({ request, send, context }),
        Effect.suspend(() => acquirePermit(request, send, context))
      ),
    onResponse: (request, response, send, context) =>
      throttle?.onResponse(request, response, send, context) ?? Effect.void,
    end: (send, context) => throttle?.end(send, context) ?? Effect.void
  }
}
