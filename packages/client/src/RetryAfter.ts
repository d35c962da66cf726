/**
 * `Retry-After` ([RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)) as a modifier of schedules: no
 * retry before the time that the server named.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { RetryHint, TransportProxy } from "./Errors.js"

/**
 * An error that may carry a `Retry-After`, such as `RateLimited` and `Unavailable`.
 *
 * @since 0.1.0
 * @category models
 */
export interface HasRetryAfter extends RetryHint {
  readonly _tag: string
  /** The proxy of a `TransportError`, with its `Retry-After`. */
  readonly proxy?: TransportProxy | undefined
}

/** Maximum jitter, as a share of `Retry-After`: many clients with "60" come back over six seconds, not at once. */
const mostOnTop = 0.1

const atLeast = (asked: number, delay: number): number =>
  delay >= asked ? delay : asked + Math.min(delay, asked * mostOnTop)

/**
 * Makes a schedule honor the `retryAfter` of its input: no delay is shorter.
 *
 * A delay of the schedule that is longer is kept. Otherwise the delay is `retryAfter`, plus the schedule's delay as jitter,
 * up to 10 %. Applying it twice is the same as once.
 *
 * Specification: [RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as ApiError from "@countersign/client/ApiError"
 * import * as RetryAfter from "@countersign/client/RetryAfter"
 * import * as Effect from "effect/Effect"
 * import * as Schedule from "effect/Schedule"
 *
 * class Api extends ApiClient.Tag("app/Api")<Api>() {}
 *
 * // A nightly job can wait longer than a call: up to five times, for at least as long as the server demands.
 * const schedule = RetryAfter.honor(Schedule.intersect(Schedule.spaced("1 minute"), Schedule.recurs(5)))
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* Api
 *   return yield* api.get("/exports/today")
 * }).pipe(Effect.retry({ schedule, while: ApiError.isTransient }))
 *
 * @param schedule - number of retries, and the delays without a `retryAfter`.
 * @returns the schedule, with its input as its output.
 * @since 0.1.0
 * @category schedules
 */
export const honor = <Out, In extends { readonly _tag: string }, R>(
  schedule: Schedule.Schedule<Out, In, R>
): Schedule.Schedule<In, In, R> =>
  schedule.pipe(
    Schedule.passthrough,
    Schedule.modifyDelay((error, delay) => {
      const asked = retryAfterMillis(error)
      return asked === undefined ? delay : Duration.millis(atLeast(asked, Duration.toMillis(delay)))
    })
  )

/**
 * The `retryAfter` of an error in milliseconds, counted from the response. Undefined when the error has none.
 *
 * @since 0.1.0
 * @category accessors
 */
export const retryAfterMillis = (error: { readonly _tag: string }): number | undefined => {
  // All fields but `_tag` are optional, so any tagged error has the type.
  const { proxy, retryAfter = proxy?.retryAfter } = error as HasRetryAfter
  return Duration.isDuration(retryAfter) ? Duration.toMillis(retryAfter) : undefined
}
