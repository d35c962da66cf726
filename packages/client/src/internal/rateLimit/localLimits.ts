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
import { admitted } from "../telemetry/admittedEvent.js"
import { currentTimeMillis, monotonicMillis, monotonicOf } from "../time/clock.js"
import { sleep } from "../time/sleep.js"
import { defaults, heldBack } from "./serverThrottle.js"
import type { Limit, Options, Service } from "./service.js"

/** Those who wait for the same limits. The first of them looks when there is room, the others wait for the first. */
interface Line {
  readonly lock: Mutex.Mutex
  users: number
  /** Before when there is no room, as the first one found. */
  opensAt: number
}

/** A request that waits for its turn. Instants are of the monotonic clock. */
interface Sending {
  readonly request: HttpClientRequest
  readonly send: object
  readonly since: number
  /** If its turn comes then or later, it is too late. */
  readonly latest: number
}

const keyOf = ({ key }: Limit, request: HttpClientRequest): string =>
  typeof key === "string" ? key : key === undefined ? Origin.of(request.url) : key(request)

const windowOf = ({ window }: Limit): number => Duration.toMillis(window)

/** No fewer milliseconds than so many pass until those in a line have gone, however its windows lie. */
const atLeast = (limits: ReadonlyArray<Limit>, size: number): number =>
  limits.reduce((ms, limit) => Math.max(ms, (Math.floor(size / limit.limit) - 1) * windowOf(limit)), 0)

/**
 * What a request is counted against. Two limits of one key, by the second and by the day, have a count each. Two equal limits
 * have one count: a request that was counted twice in it would never be sent.
 */
const countsOf = (
  limits: ReadonlyArray<Limit>,
  otherwise: RateLimiter.Algorithm,
  request: HttpClientRequest
): ReadonlyArray<RateLimiter.ConsumeOptions> => {
  const counts = new Map<string, RateLimiter.ConsumeOptions>()
  for (const limit of limits) {
    const algorithm = limit.algorithm ?? otherwise
    const key = `${algorithm} ${limit.limit}/${windowOf(limit)} ${keyOf(limit, request)}`
    counts.set(key, { key, algorithm, limit: limit.limit, window: limit.window })
  }
  return [...counts.values()]
}

/** Counts a request: 0, or in how many milliseconds it is worth another try. */
const take = (
  limiter: RateLimiter.Service,
  counts: ReadonlyArray<RateLimiter.ConsumeOptions>,
  index = 0
): Effect.Effect<number> => {
  const count = counts[index]
  if (count === undefined) return Effect.succeed(0)
  const rest = Effect.suspend(() => take(limiter, counts, index + 1))
  return Effect.matchEffect(limiter.consume(count), {
    onSuccess: () => rest,
    onFailure: (error) =>
      error.reason === "Exceeded"
        ? Effect.succeed(Math.max(1, Math.ceil(Duration.toMillis(error.retryAfter))))
        : Effect.zipRight(Effect.logWarning(error.message), rest)
  })
}

const limited = (request: HttpClientRequest, ms: number): Effect.Effect<never, RateLimited> =>
  Effect.flatMap(currentTimeMillis, (now) => Effect.fail(heldBack(request, "clientLimit", 429, ms, now)))

/** Requests are let through when the hold and then each limit has room; the shortest window is asked first. */
export const limiting = (limiter: RateLimiter.Service, options: Options, hold: Service | undefined): Service => {
  const longest = Duration.toMillis(options.maxWait ?? defaults.maxWait)
  const onExceeded = options.onExceeded ?? defaults.onExceeded
  const limits = [...options.limits].sort((a, b) => windowOf(a) - windowOf(b))
  const lines = new Map<string, Line>()
  const counted = (request: HttpClientRequest) => take(limiter, countsOf(limits, defaults.algorithm, request))
  const opened = (request: HttpClientRequest, send: object): Effect.Effect<void, RateLimited> =>
    hold?.active === true ? hold.acquire(request, send) : Effect.void

  /** The first of a line: a hold that came while it waited has to be over before it is counted. */
  const first = (sending: Sending, line: Line): Effect.Effect<void, RateLimited> =>
    Effect.suspend(() => opened(sending.request, sending.send)).pipe(
      Effect.zipRight(counted(sending.request)),
      Effect.flatMap((ms) => (ms === 0 ? Effect.void : again(sending, line, ms)))
    )

  const again = (sending: Sending, line: Line, ms: number) =>
    Effect.flatMap(monotonicMillis, (now): Effect.Effect<void, RateLimited> => {
      line.opensAt = now + ms
      if (line.opensAt >= sending.latest) return limited(sending.request, ms)
      return Effect.zipRight(sleep(ms), first(sending, line))
    })

  const queue = (sending: Sending, key: string, ms: number) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const line = lines.get(key) ?? { lock: Mutex.make(longest + 1000), users: 0, opensAt: 0 }
        lines.set(key, line)
        line.users++
        return line
      }),
      (line) =>
        Timeline.emit(() => ({ _tag: "Throttled", ms: Math.ceil(ms) })).pipe(
          Effect.zipRight(line.lock.withLock(first(sending, line))),
          Effect.zipRight(admitted(sending.since))
        ),
      (line) =>
        Effect.sync(() => {
          if (--line.users === 0) lines.delete(key)
        })
    )

  /** Where there is no room for `ms` milliseconds: waits for it, or fails when that is not wanted or of no use. */
  const wait = (request: HttpClientRequest, send: object, key: string, ms: number): Effect.Effect<void, RateLimited> =>
    Effect.withFiberRuntime((fiber) => {
      const since = monotonicOf(fiber)
      const latest = Math.min(callOf(fiber).deadline, since + longest + 1)
      if (onExceeded === "fail" || since + ms >= latest) return limited(request, ms)
      return queue({ request, send, since, latest }, key, ms)
    })

  const permitted = (request: HttpClientRequest, send: object): Effect.Effect<void, RateLimited> =>
    Effect.withFiberRuntime((fiber) => {
      const key = limits.map((limit) => keyOf(limit, request)).join("\n")
      const line = lines.get(key)
      if (line !== undefined) {
        const ms = Math.max(1, line.opensAt - monotonicOf(fiber)) + atLeast(limits, line.lock.users())
        return wait(request, send, key, ms)
      }
      return Effect.flatMap(counted(request), (ms) => (ms === 0 ? Effect.void : wait(request, send, key, ms)))
    })

  return {
    active: true,
    acquire: (request, send) =>
      Effect.zipRight(
        Effect.suspend(() => opened(request, send)),
        permitted(request, send)
      ),
    onResponse: (request, response, send) => hold?.onResponse(request, response, send) ?? Effect.void,
    ...(hold?.end === undefined ? {} : { end: hold.end })
  }
}
