/**
 * Retries: further attempts of a request that failed and may be sent again, no earlier than the server asks for.
 *
 * | failed with | sent again |
 * |---|---|
 * | 408, 425, 429, 500, 502, 503, 504, 520 to 524, 529, or a status that the caller named | GET, HEAD, OPTIONS, PUT, DELETE, and requests with an `Idempotency-Key` |
 * | a 403 or 413 that is a rate limit (`Retry-After`, or a 403 of which nothing remains) | the same, where 429 is on the list |
 * | another status from 400 on with `x-should-retry: true` | the same |
 * | an exchange that broke or took too long | the same |
 * | an exchange that never reached the server | any method |
 * | any response with `x-should-retry: false` | never |
 * | another status | never |
 * | `AddressBlocked`, `HeaderTooLarge`, `InvalidHttpResponse`, `InvalidContentEncoding`, `RequestBodyFailed`, `Tls` | never |
 * | a proxy that is down or answers with one of the statuses above; nothing was sent | any method |
 * | a proxy that answers with another status, such as 403 or 407 | never |
 *
 * In every case only if the body can be sent again, the schedule says so, the wait ends before the deadline, and the
 * origin's {@link RetryBudget} has not run dry.
 *
 * @since 0.1.0
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { RateLimited, Unavailable } from "./Errors.js"
import type { Call, Running } from "./internal/call/context.js"
import { callOf, enter, isInside, locally, retried } from "./internal/call/context.js"
import { lastResponse } from "./internal/errors/errorResponse.js"
import { release } from "./internal/response/readBody.js"
import type { Failure } from "./internal/retry/eligibility.js"
import {
  failureOf,
  failureOfError,
  mayResend,
  standingOf,
  standingOfError,
  tooLong
} from "./internal/retry/eligibility.js"
import { currentTimeMillis, monotonicMillis } from "./internal/time/clock.js"
import { step } from "./internal/time/scheduleStep.js"
import { sleep } from "./internal/time/sleep.js"
import * as Policy from "./Policy.js"
import * as RetryAfter from "./RetryAfter.js"
import * as RetryBudget from "./RetryBudget.js"
import * as Timeline from "./Timeline.js"
import { remaining } from "./Timeout.js"

export type { Failure } from "./internal/retry/eligibility.js"

/**
 * A schedule of retries: each recurrence is one more send, after the delay it gives.
 *
 * @since 0.1.0
 * @category models
 */
export type RetrySchedule = Schedule.Schedule<unknown, Failure>

/**
 * What {@link Options}, and those of {@link exponential}, are when they are left out.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  times: 2,
  baseDelay: "50 millis",
  throttledBaseDelay: "1 second",
  maxDelay: "20 seconds",
  statuses: [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529],
  maxRetryAfter: "60 seconds",
  idempotencyKeyHeader: "idempotency-key"
} as const

/**
 * Exponential backoff with full jitter: before retry `n` (from 0) a random wait between nothing and
 * `min(maxDelay, baseDelay × 2ⁿ)`.
 *
 * @param options.times - how many retries there are at most; `times: 2` makes three sends (2).
 * @param options.baseDelay - the first bound (50 ms).
 * @param options.throttledBaseDelay - the first bound after a 429 (1 s).
 * @param options.maxDelay - no bound is longer (20 s).
 * @since 0.1.0
 * @category schedules
 */
export const exponential = (
  options: {
    readonly times?: number | undefined
    readonly baseDelay?: Duration.DurationInput | undefined
    readonly throttledBaseDelay?: Duration.DurationInput | undefined
    readonly maxDelay?: Duration.DurationInput | undefined
  } = {}
): Schedule.Schedule<Duration.Duration, Failure> => {
  const base = Duration.toMillis(options.baseDelay ?? defaults.baseDelay)
  const throttled = Duration.toMillis(options.throttledBaseDelay ?? defaults.throttledBaseDelay)
  const cap = Duration.toMillis(options.maxDelay ?? defaults.maxDelay)
  return Schedule.identity<Failure>().pipe(
    Schedule.intersect(Schedule.recurs(options.times ?? defaults.times)),
    Schedule.modifyDelayEffect(([failure, n]) => {
      // 2 ** 1024 is infinite, and nothing times infinity is not a number: the cap comes before the jitter.
      const bound = Math.min(cap, (failure._tag === "RateLimited" ? throttled : base) * 2 ** n)
      return Effect.map(Random.next, (random) => Duration.millis(random * bound))
    }),
    Schedule.delays
  )
}

/**
 * The default: three sends, {@link exponential} backoff.
 *
 * @since 0.1.0
 * @category schedules
 */
export const backoff: Schedule.Schedule<Duration.Duration, Failure> = exponential()

/**
 * How to retry.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How often, and how long to wait ({@link backoff}). `Retry-After` is respected whatever it says. */
  readonly schedule?: RetrySchedule | undefined
  /**
   * The statuses that are worth another send (408, 425, 429, 500, 502, 503, 504, 520 to 524, 529). What the server says
   * about when to come back is respected for each of them. A 401 of an API with credentials is the scheme's, and never one.
   */
  readonly statuses?: ReadonlyArray<number> | undefined
  /** The longest wait that a server may ask for (60 s); one that asks for more is `RateLimited` at once. */
  readonly maxRetryAfter?: Duration.DurationInput | undefined
  /**
   * What retries may cost an origin (one of {@link RetryBudget.make} for this policy); one that is given to several
   * clients is shared by them. With `false` only the schedule bounds the sends.
   */
  readonly budget?: RetryBudget.RetryBudget | false | undefined
  /** The header, in lower case, with which a request may be sent twice whatever its method (`idempotency-key`). */
  readonly idempotencyKeyHeader?: string | undefined
}

/** A proxy's status is judged like that of a server. */
const transientStatuses: ReadonlySet<number> = new Set(defaults.statuses)

const reasonOf = (failure: Failure): string => ("status" in failure ? String(failure.status) : failure._tag)

/**
 * Sends again as the table above says. All failures of a request share one schedule and so one count.
 *
 * An answer that is not given out is released before the wait. A wait that the server asks for and that is longer than
 * `maxRetryAfter`, or than the time that the call has left, is not begun: the request fails with `RateLimited` at
 * once. When there are no retries left it fails with `RateLimited` or `Unavailable`, through whose `response` the
 * last answer can be read, or with the `TransportError` or `Timeout` of the last exchange. So it does, at once, when the
 * budget of the origin has run dry. A response that only `x-should-retry: true` allowed to be retried is given out instead.
 *
 * Within another retry it does nothing.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (options: Options = {}): Policy.Policy<RateLimited | Unavailable> => {
  const rules: Rules = {
    statuses: new Set<number>(options.statuses ?? defaults.statuses),
    schedule: RetryAfter.honor(options.schedule ?? backoff),
    longest: Duration.toMillis(options.maxRetryAfter ?? defaults.maxRetryAfter),
    budget: options.budget === false ? undefined : (options.budget ?? RetryBudget.make()),
    keyHeader: options.idempotencyKeyHeader ?? defaults.idempotencyKeyHeader
  }
  return Policy.make<RateLimited | Unavailable>((request, next) =>
    // A retry inside of a retry multiplies the sends: whoever is inside leaves it to whoever is outside.
    Effect.withFiberRuntime((fiber) => {
      const call = callOf(fiber)
      if (call.retrying) return next(request)
      const inside = isInside(call)
      const loop = { rules, request, next, fiber, call: inside ? call : retried(call) }
      const begin = () => attempt(loop, rules.schedule.initial, 0)
      // Within a call an interruption ends that one too, and whoever began it leaves for all.
      return inside ? begin() : locally(Effect.suspend(begin), loop.call)
    })
  )
}

/** The options, ready for use. */
interface Rules {
  readonly statuses: ReadonlySet<number>
  readonly schedule: Schedule.Schedule<unknown, Failure>
  /** The longest wait that a server may ask for, in milliseconds. */
  readonly longest: number
  readonly budget: RetryBudget.RetryBudget | undefined
  readonly keyHeader: string
}

/** A request with what sends it, and what decides whether it is sent again. */
interface Loop<E, R> {
  readonly rules: Rules
  readonly request: HttpClientRequest
  readonly next: Policy.Next<E, R>
  readonly fiber: Running
  /** What the fiber is in when no send is under way. */
  readonly call: Call
}

type Attempt<E, R> = Effect.Effect<HttpClientResponse, E | RateLimited | Unavailable, R>

/** Waits before an attempt, and gives what that cost. Without one it fails: with an error of its own where there is one. */
const wait = (
  { budget, longest }: Rules,
  url: string,
  failure: Failure,
  delayMs: number
): Effect.Effect<number, RateLimited | undefined> =>
  Effect.gen(function* () {
    const slack = (yield* remaining) - delayMs
    if ((RetryAfter.retryAfterMillis(failure) ?? 0) > longest || slack <= 0) return yield* Effect.fail(tooLong(failure))
    const paid = budget?.withdraw(url, failure._tag === "RateLimited")
    if (paid === 0) return yield* Effect.fail(undefined)
    const since = yield* monotonicMillis
    const response = lastResponse.get(failure)
    // Letting go of an answer never takes the time in which the next one is to come.
    if (response !== undefined) yield* release(response, slack / 2)
    yield* Timeline.emit(() => ({ _tag: "RetryScheduled", ms: delayMs, reason: reasonOf(failure) }))
    // What the release took is a part of the wait: the server's time runs from its answer.
    yield* sleep(since + delayMs - (yield* monotonicMillis))
    return paid ?? 0
  })

/** Waits and makes the next attempt, where there may be one; `otherwise` where there may not. */
const again = <E, R>(loop: Loop<E, R>, failure: Failure, state: unknown, otherwise: Attempt<E, R>): Attempt<E, R> => {
  const { request, rules } = loop
  if (!mayResend(request, failure, rules.keyHeader, transientStatuses)) return otherwise
  return Effect.flatMap(step(rules.schedule, state, failure), (decided) =>
    Option.isNone(decided)
      ? otherwise
      : Effect.matchEffect(wait(rules, request.url, failure, decided.value.delayMs), {
          onFailure: (limited) => (limited === undefined ? otherwise : Effect.fail(limited)),
          onSuccess: (paid) => attempt(loop, decided.value.state, paid)
        })
  )
}

const onFailure = <E, R>(loop: Loop<E, R>, error: E, state: unknown): Attempt<E, R> => {
  const standing = standingOfError(error, loop.rules.statuses)
  if (standing === undefined) return Effect.fail(error)
  return Effect.flatMap(currentTimeMillis, (now): Attempt<E, R> => {
    const failure = failureOfError(error, now)
    if (failure === undefined) return Effect.fail(error)
    const isError = failure._tag === "TransportError" || failure._tag === "Timeout" || standing === "permitted"
    return again(loop, failure, state, Effect.fail(isError ? error : failure))
  })
}

const onSuccess = <E, R>(
  loop: Loop<E, R>,
  response: HttpClientResponse,
  state: unknown,
  paid: number
): Attempt<E, R> => {
  const { request, rules } = loop
  const standing = standingOf(response, rules.statuses)
  if (standing === undefined) {
    rules.budget?.deposit(request.url, paid)
    return Effect.succeed(response)
  }
  return Effect.flatMap(currentTimeMillis, (now): Attempt<E, R> => {
    const failure = failureOf(response, now)
    // Where only the server lets it be tried again, what is left in the end is an answer like any other.
    return again(loop, failure, state, standing === "listed" ? Effect.fail(failure) : Effect.succeed(response))
  })
}

/** One send, during which a retry further in does nothing. Called where it is run; `paid` is what the attempt has cost. */
const attempt = <E, R>(loop: Loop<E, R>, state: unknown, paid: number): Attempt<E, R> => {
  const { call, fiber, next, request } = loop
  enter(fiber, retried(call))
  return Effect.matchCauseEffect(next(request), {
    onFailure: (cause): Attempt<E, R> => {
      enter(fiber, call)
      const failure = Cause.failureOrCause(cause)
      return Either.isLeft(failure) ? onFailure(loop, failure.left, state) : Effect.failCause(failure.right)
    },
    onSuccess: (response): Attempt<E, R> => {
      enter(fiber, call)
      return onSuccess(loop, response, state, paid)
    }
  })
}
