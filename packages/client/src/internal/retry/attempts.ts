/** The attempts of one hop: Effect runs the retry schedule, from the first failure on. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type { RateLimited, Unavailable } from "../../Errors.js"
import * as RetryAfter from "../../RetryAfter.js"
import type * as RetryBudget from "../../RetryBudget.js"
import * as Timeline from "../../Timeline.js"
import type { Send } from "../call/pipeline.js"
import type { CallContext } from "../call/context.js"
import { remainingMillis } from "../call/context.js"
import { runExternal } from "../call/externalCode.js"
import { responseOfError } from "../errors/errorResponse.js"
import { drain } from "../response/readBody.js"
import { unsafeMonotonicNow, unsafeNow } from "../time/clock.js"
import { decidedSchedule, initialState, nextStep } from "../time/scheduleStep.js"
import { sleepUntil } from "../time/sleep.js"
import type { Failure, Statuses } from "./eligibility.js"
import {
  isRetryable,
  retryBasisOf,
  retryBasisOfError,
  retryFailureOf,
  retryFailureOfError,
  waitRejectedError
} from "./eligibility.js"

/** Resolved options of a retry policy. */
export interface RetryRules {
  readonly statuses: Statuses
  readonly schedule: Schedule.Schedule<unknown, Failure>
  /** Maximum `Retry-After`, in milliseconds. */
  readonly maxRetryAfterMs: number
  readonly budget: RetryBudget.RetryBudget | undefined
  readonly idempotencyKeyHeader: string
  /** The statuses of a proxy's response to `CONNECT` that are retried. */
  readonly transientStatuses: Statuses
}

type Result<E, R = never> = Effect.Effect<HttpClientResponse, E | RateLimited | Unavailable, R>

/** A failed attempt that may be retried, and the result of the call if it is not. */
class FailedAttempt<E> {
  readonly failure: Failure
  result: Result<E>

  constructor(failure: Failure, result: Result<E>) {
    this.failure = failure
    this.result = result
  }
}

/** The errors of an attempt of which the schedule decides. */
type AttemptError<E> = E | RateLimited | Unavailable | FailedAttempt<E>

/** What follows a failed attempt. */
type OnFailed<E, E2, R> = (failed: FailedAttempt<E>) => Result<E | E2, R>

/** A later attempt fails, and `Effect.retry` decides whether there is another one. */
const fail = <E>(failed: FailedAttempt<E>): Effect.Effect<never, FailedAttempt<E>> => Effect.fail(failed)

const reasonOf = (failure: Failure): string => ("status" in failure ? String(failure.status) : failure._tag)

/** One hop of a call: sends the request, and sends it again after a failure. */
export class Attempts<E, R> {
  readonly #rules: RetryRules
  readonly #request: HttpClientRequest
  readonly #next: Send<E, R>
  #context: CallContext
  /** Cost of the current attempt in the retry budget. */
  #paid = 0
  /** Earliest time of the next attempt, in milliseconds of the monotonic clock. */
  #dueAt = 0

  constructor(rules: RetryRules, request: HttpClientRequest, next: Send<E, R>, context: CallContext) {
    this.#rules = rules
    this.#request = request
    this.#next = next
    this.#context = context
  }

  /** All attempts. The schedule starts with the first failure. */
  get run(): Result<E, R> {
    return this.#attempt((failed) => this.#retryAfter(failed))
  }

  /** The first run of the retried effect is the failed attempt. */
  #retryAfter(first: FailedAttempt<E>): Result<E, R> {
    let isFirst = true
    const attempt = Effect.suspend((): Result<E | FailedAttempt<E>, R> => {
      if (!isFirst)
        return Effect.zipRight(
          sleepUntil(this.#dueAt),
          Effect.suspend(() => {
            this.#context = { ...this.#context, attempt: this.#context.attempt + 1 }
            return this.#attempt(fail)
          })
        )
      isFirst = false
      return Effect.fail(first)
    })
    return Effect.catchAll(Effect.retry(attempt, this.#schedule), (error) =>
      error instanceof FailedAttempt ? error.result : Effect.fail(error)
    )
  }

  #attempt<E2>(onFailed: OnFailed<E, E2, R>): Result<E | E2, R> {
    return Effect.matchEffect(this.#next(this.#request, this.#context), {
      onFailure: (error) => this.#onFailure(error, onFailed),
      onSuccess: (response) => this.#onSuccess(response, onFailed)
    })
  }

  #onFailure<E2>(error: E, onFailed: OnFailed<E, E2, R>): Result<E | E2, R> {
    const basis = retryBasisOfError(error, this.#rules.statuses)
    if (basis === undefined) return Effect.fail(error)
    const failure = retryFailureOfError(error, unsafeNow(this.#context.fiber))
    if (failure === undefined) return Effect.fail(error)
    const isError = failure._tag === "TransportError" || failure._tag === "Timeout" || basis === "permitted"
    return onFailed(new FailedAttempt<E>(failure, Effect.fail(isError ? error : failure)))
  }

  #onSuccess<E2>(response: HttpClientResponse, onFailed: OnFailed<E, E2, R>): Result<E | E2, R> {
    const basis = retryBasisOf(response, this.#rules.statuses)
    if (basis === undefined) {
      this.#rules.budget?.deposit(this.#request.url, this.#paid)
      return Effect.succeed(response)
    }
    const failure = retryFailureOf(response, unsafeNow(this.#context.fiber))
    // A status that only `x-should-retry` allowed to retry is returned as a normal response in the end.
    const result = basis === "listed" ? Effect.fail(failure) : Effect.succeed(response)
    return onFailed(new FailedAttempt<E>(failure, result))
  }

  /**
   * The user's schedule, and between its decision and the wait the conditions of a retry. Effect gives a schedule the wall
   * clock. The user's schedule gets the monotonic clock, so that a change of the wall clock affects no `upTo`.
   */
  get #schedule(): Schedule.Schedule<unknown, AttemptError<E>> {
    const { idempotencyKeyHeader, schedule, transientStatuses } = this.#rules
    let state = initialState(schedule)
    return decidedSchedule((input: AttemptError<E>) => {
      const end = Effect.succeed(undefined)
      if (!(input instanceof FailedAttempt)) return end
      const { failure } = input
      if (!isRetryable(this.#request, failure, idempotencyKeyHeader, transientStatuses)) return end
      return Effect.suspend(() => {
        const step = runExternal(nextStep(schedule, state, failure), this.#context)
        return Effect.flatMap(Effect.exit(step), (stepped) => {
          if (Exit.isFailure(stepped)) {
            // `Effect.retry` takes a failure of the step for its end: the schedule did not decide before the deadline.
            input.result = Effect.failCause(stepped.cause)
            return end
          }
          const next = Option.getOrUndefined(stepped.value)
          if (next === undefined) return end
          state = next.state
          return this.#prepare(input, next.delayMs)
        })
      })
    })
  }

  /**
   * Prepares the wait of `delay` milliseconds. Returns the time that is left of it, or undefined if the wait is too long or
   * the retry budget is exhausted.
   */
  #prepare(attempt: FailedAttempt<E>, delay: number): Effect.Effect<number | undefined> {
    const { budget, maxRetryAfterMs } = this.#rules
    const { failure } = attempt
    return Effect.suspend(() => {
      const { fiber } = this.#context
      const slack = remainingMillis(this.#context) - delay
      if ((RetryAfter.retryAfterMillis(failure) ?? 0) > maxRetryAfterMs || slack <= 0) {
        const rejected = waitRejectedError(failure)
        if (rejected !== undefined) attempt.result = Effect.fail(rejected)
        return Effect.succeed(undefined)
      }
      const paid = budget?.withdraw(this.#request.url, failure._tag === "RateLimited")
      if (paid === 0) return Effect.succeed(undefined)
      this.#paid = paid ?? 0
      // The time of the release counts as part of the wait.
      this.#dueAt = unsafeMonotonicNow(fiber) + delay
      const response = responseOfError.get(failure)
      // The release of the response may take at most half of the time that remains for the next attempt.
      return (response === undefined ? Effect.void : drain(response, slack / 2)).pipe(
        Effect.zipRight(Timeline.emit(() => ({ _tag: "RetryScheduled", ms: delay, reason: reasonOf(failure) }))),
        Effect.map(() => this.#dueAt - unsafeMonotonicNow(fiber))
      )
    })
  }
}
