/**
 * Continuations: when to request the rest of a body that broke off, with the retries of a client.
 *
 * The client retries a request until its header has arrived. What follows is a further request of the caller, such as one with
 * `Range`. Its delays come from the client's retry schedule, and its costs from the client's retry budget.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ApiClient } from "./ApiClient.js"
import type * as Call from "./Call.js"
import type { TransportError } from "./Errors.js"
import { clientRetries, retryOptions } from "./internal/client/services.js"
import { isTransientFailure } from "./internal/errors/transience.js"
import { initialState, nextStep } from "./internal/time/scheduleStep.js"
import { sleep } from "./internal/time/sleep.js"
import * as Retry from "./Retry.js"

/**
 * The further requests of one body.
 *
 * @since 0.1.0
 * @category models
 */
export interface Continuation {
  /**
   * Waits before the next request. Fails with the failure itself if it is permanent, if the schedule ends, if the retry budget
   * of the origin is exhausted, and for a client with `retry: false`.
   */
  readonly next: (failure: TransportError) => Effect.Effect<void, TransportError>
  /** Begins the schedule anew, and returns the cost of the last request to the budget. For a request that made progress. */
  readonly progressed: Effect.Effect<void>
}

/**
 * Makes the continuation of one body. Failures in a row are counted, and {@link Continuation.progressed} resets the count.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Continuation from "@countersign/client/Continuation"
 * import * as Effect from "effect/Effect"
 *
 * class Api extends ApiClient.Tag("app/Api")<Api>() {}
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* Api
 *   return yield* Continuation.make(api)
 * })
 *
 * @param api - the client. Its retry schedule and its retry budget apply.
 * @param options - the option `retry` of the call, which replaces that of the client.
 * @since 0.1.0
 * @category constructors
 */
export const make = <E>(api: ApiClient<E>, options: Pick<Call.Options, "retry"> = {}): Effect.Effect<Continuation> =>
  Effect.sync(() => {
    const own = clientRetries.get(api)
    const retry = options.retry ?? own?.retry
    const { budget: named, schedule = Retry.backoff } = retry === false ? {} : retryOptions(retry)
    const budget = options.retry === undefined ? own?.budget : (named ?? own?.budget)
    const initial = initialState(schedule)
    let state = retry === false ? undefined : { current: initial }
    let paid = 0
    let url = ""

    const withdraw = (failure: TransportError): boolean => {
      if (budget === undefined || budget === false) return true
      url = failure.url
      paid = budget.withdraw(url, false)
      return paid > 0
    }

    return {
      next: (failure) =>
        Effect.gen(function* () {
          if (state === undefined || !isTransientFailure(failure, () => false)) return yield* failure
          const step = yield* nextStep(schedule, state.current, failure)
          if (Option.isNone(step) || !withdraw(failure)) return yield* failure
          state = { current: step.value.state }
          yield* sleep(step.value.delayMs)
        }),
      progressed: Effect.sync(() => {
        if (state !== undefined) state = { current: initial }
        if (paid > 0 && budget !== undefined && budget !== false) budget.deposit(url, paid)
        paid = 0
      })
    }
  })
