/**
 * Sending again what failed and may be sent again, when it may be sent again.
 *
 * | failed with | sent again |
 * |---|---|
 * | 408, 425, 429, 500, 502, 503, 504 | GET, HEAD, OPTIONS, PUT, DELETE, and whatever has an `Idempotency-Key` |
 * | an exchange that broke or took too long | the same |
 * | an exchange that never reached the server | any method |
 * | another status, a refused certificate, an answer that is not HTTP | never |
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
import type { TransportReason } from "./Errors.js"
import { RateLimited, Timeout, TransportError, Unavailable } from "./Errors.js"
import { release } from "./internal/body.js"
import type { Call, Running } from "./internal/call.js"
import { callOf, enter, isInside, locally, retried } from "./internal/call.js"
import { classify } from "./internal/classify.js"
import { lastResponse, withResponse } from "./internal/lastResponse.js"
import { sleep } from "./internal/sleep.js"
import { statusError } from "./internal/statusError.js"
import { step } from "./internal/steps.js"
import * as Policy from "./Policy.js"
import * as RequestBody from "./RequestBody.js"
import * as RetryAfter from "./RetryAfter.js"
import * as RetryBudget from "./RetryBudget.js"
import * as Timeline from "./Timeline.js"
import { timeLeft } from "./Timeout.js"
import { currentTimeMillis } from "./internal/now.js"

/**
 * What a retry schedule decides over.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = RateLimited | Unavailable | TransportError | Timeout

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
  base: "50 millis",
  throttled: "1 second",
  cap: "20 seconds",
  statuses: [408, 425, 429, 500, 502, 503, 504],
  longestRetryAfter: "60 seconds",
  keyHeader: "idempotency-key"
} as const

/**
 * Exponential backoff with full jitter: before retry `n` (from 0) a random wait between nothing and
 * `min(cap, base × 2ⁿ)`.
 *
 * @param options.times - how many retries there are at most; `times: 2` makes three sends (2).
 * @param options.base - the first bound (50 ms).
 * @param options.throttled - the first bound after a 429 (1 s).
 * @param options.cap - no bound is longer (20 s).
 * @since 0.1.0
 * @category schedules
 */
export const exponential = (
  options: {
    readonly times?: number | undefined
    readonly base?: Duration.DurationInput | undefined
    readonly throttled?: Duration.DurationInput | undefined
    readonly cap?: Duration.DurationInput | undefined
  } = {}
): Schedule.Schedule<Duration.Duration, Failure> => {
  const base = Duration.toMillis(options.base ?? defaults.base)
  const throttled = Duration.toMillis(options.throttled ?? defaults.throttled)
  const cap = Duration.toMillis(options.cap ?? defaults.cap)
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
  /** The statuses that are worth another send (408, 425, 429, 500, 502, 503, 504). */
  readonly statuses?: ReadonlyArray<number> | undefined
  /** The longest wait that a server may ask for (60 s); one that asks for more is `RateLimited` at once. */
  readonly longestRetryAfter?: Duration.DurationInput | undefined
  /**
   * What retries may cost an origin (one of {@link RetryBudget.make} for this policy); one that is given to several
   * clients is shared by them. With `false` only the schedule bounds the sends.
   */
  readonly budget?: RetryBudget.RetryBudget | false | undefined
  /** The header, in lower case, with which a request may be sent twice whatever its method (`idempotency-key`). */
  readonly keyHeader?: string | undefined
}

// RFC 9110 §9.2.2, of the methods that the platform sends.
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])

const isIdempotent = (request: HttpClientRequest, keyHeader: string): boolean =>
  idempotentMethods.has(request.method) || request.headers[keyHeader] !== undefined

/** A whole client further in has typed its statuses already: the list of statuses holds for those too. */
const isFailure = (error: unknown, statuses: ReadonlySet<number>): error is Failure =>
  error instanceof TransportError ||
  // What was held back was not refused: it has waited already, or was not to wait.
  (error instanceof RateLimited && error.by === "server" && statuses.has(error.status)) ||
  (error instanceof Unavailable && statuses.has(error.status)) ||
  (error instanceof Timeout && error.scope === "exchange")

/** The reasons that a further attempt would fail with, too. */
const pointless: ReadonlySet<TransportReason> = new Set<TransportReason>([
  "AddressRefused",
  "HeaderTooLarge",
  "InvalidAnswer",
  "InvalidContentEncoding",
  "RequestBodyFailed",
  "Tls"
])

/** Whether a proxy may open a connection another time: its status and the code are judged like those of a server. */
const proxyMayHelp = (failure: TransportError): boolean => {
  const status = failure.proxy?.status
  if (status !== undefined) return transientStatuses.has(status)
  return !pointless.has(classify(failure).reason)
}

const transientStatuses: ReadonlySet<number> = new Set(defaults.statuses)

const mayHelp = (failure: Failure): boolean => {
  if (failure._tag !== "TransportError") return true
  return failure.reason === "ProxyFailed" ? proxyMayHelp(failure) : !pointless.has(failure.reason)
}

const mayResend = (request: HttpClientRequest, failure: Failure, keyHeader: string): boolean =>
  mayHelp(failure) &&
  RequestBody.isReplayable(request.body) &&
  (isIdempotent(request, keyHeader) || (failure._tag === "TransportError" && failure.sent === "no"))

const reasonOf = (failure: Failure): string => ("status" in failure ? String(failure.status) : failure._tag)

/** A wait that was refused: the caller is told when to come back, whatever the status was. */
const tooLong = <F extends Failure>(failure: F): F | RateLimited => {
  if (failure._tag !== "Unavailable" || failure.retryAfter === undefined) return failure
  const { method, response, retryAfter, retryAt, status, url } = failure
  const limited = new RateLimited({ method, url, status, retryAfter, retryAt })
  return response === undefined ? limited : withResponse(limited, response)
}

/**
 * Sends again as the table above says. All failures of a request share one schedule and so one count.
 *
 * An answer that is not given out is released before the wait. A wait that the server asks for and that is longer than
 * `longestRetryAfter`, or than the time that the call has left, is not begun: the request fails with `RateLimited` at
 * once. When there are no retries left it fails with `RateLimited` or `Unavailable`, through whose `response` the
 * last answer can be read, or with the `TransportError` or `Timeout` of the last exchange. So it does, at once, when the
 * budget of the origin has run dry.
 *
 * Within another retry it does nothing.
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (options: Options = {}): Policy.Policy<RateLimited | Unavailable> => {
  const rules: Rules = {
    statuses: new Set<number>(options.statuses ?? defaults.statuses),
    schedule: RetryAfter.respect(options.schedule ?? backoff),
    longest: Duration.toMillis(options.longestRetryAfter ?? defaults.longestRetryAfter),
    budget: options.budget === false ? undefined : (options.budget ?? RetryBudget.make()),
    keyHeader: options.keyHeader ?? defaults.keyHeader
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

const refused = (response: HttpClientResponse): Effect.Effect<RateLimited | Unavailable> =>
  Effect.map(currentTimeMillis, (now) => {
    const error = statusError(response, now)
    if (error._tag === "RateLimited" || error._tag === "Unavailable") return error
    // A status that the caller named, and that is none of the transient ones: it is one now.
    const { method, status, url } = error
    return withResponse(new Unavailable({ method, url, status }), response)
  })

/** Fails where the wait is not to be, or cannot be paid for; gives what was paid. */
const wait = <F extends Failure>(
  { budget, longest }: Rules,
  url: string,
  failure: F,
  delayMs: number
): Effect.Effect<number, F | RateLimited> =>
  Effect.gen(function* () {
    const slack = (yield* timeLeft) - delayMs
    if ((RetryAfter.askedOf(failure) ?? 0) > longest || slack <= 0) return yield* Effect.fail(tooLong(failure))
    const paid = budget?.spend(url, failure._tag === "RateLimited")
    if (paid === 0) return yield* Effect.fail(failure)
    const since = yield* currentTimeMillis
    const response = lastResponse.get(failure)
    // Letting go of an answer never takes the time in which the next one is to come.
    if (response !== undefined) yield* release(response, slack / 2)
    yield* Timeline.emit(() => ({ _tag: "Waiting", ms: delayMs, because: reasonOf(failure) }))
    // What the release took is a part of the wait: the server's time runs from its answer.
    yield* sleep(since + delayMs - (yield* currentTimeMillis))
    return paid ?? 0
  })

const again = <E, R>(loop: Loop<E, R>, failure: E | RateLimited | Unavailable, state: unknown): Attempt<E, R> => {
  const { request, rules } = loop
  return isFailure(failure, rules.statuses) && mayResend(request, failure, rules.keyHeader)
    ? Effect.flatMap(step(rules.schedule, state, failure), (decided) =>
        Option.isNone(decided)
          ? Effect.fail(failure)
          : Effect.flatMap(wait(rules, request.url, failure, decided.value.delayMs), (paid) =>
              attempt(loop, decided.value.state, paid)
            )
      )
    : Effect.fail(failure)
}

const refusedThen = <E, R>(loop: Loop<E, R>, response: HttpClientResponse, state: unknown): Attempt<E, R> =>
  Effect.flatMap(refused(response), (failure) => again(loop, failure, state))

/** An answer that is given out; `paid` is what the retry that it came to has cost. */
const answered = ({ request, rules }: Loop<unknown, unknown>, response: HttpClientResponse, paid: number) => {
  rules.budget?.earn(request.url, paid)
  return Effect.succeed(response)
}

/** One send, during which whoever retries further in leaves it to this one. Called where it is run. */
const attempt = <E, R>(loop: Loop<E, R>, state: unknown, paid: number): Attempt<E, R> => {
  const { call, fiber, next, request, rules } = loop
  enter(fiber, retried(call))
  return Effect.matchCauseEffect(next(request), {
    onFailure: (cause): Attempt<E, R> => {
      enter(fiber, call)
      const failure = Cause.failureOrCause(cause)
      return Either.isLeft(failure) ? again(loop, failure.left, state) : Effect.failCause(failure.right)
    },
    onSuccess: (response): Attempt<E, R> => {
      enter(fiber, call)
      return rules.statuses.has(response.status) ? refusedThen(loop, response, state) : answered(loop, response, paid)
    }
  })
}
