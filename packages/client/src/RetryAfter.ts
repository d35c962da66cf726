/**
 * Retry-After as a Schedule: whatever a schedule decides, never earlier than the server asked.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { RetryHint } from "./Errors.js"

/**
 * An error that may say when to come back: `RateLimited` and `Unavailable` do where the server did.
 *
 * @since 0.1.0
 * @category models
 */
export interface HasRetryAfter extends RetryHint {
  readonly _tag: string
}

/** A fleet that was told "in a minute" comes back over six seconds, not at once. */
const mostOnTop = 0.1

const atLeast = (asked: number, delay: number): number =>
  delay >= asked ? delay : asked + Math.min(delay, asked * mostOnTop)

/**
 * Makes a schedule respect what its input asks for. The delay is the schedule's own, if that is long enough already;
 * else it is what the server asked for, with the schedule's delay as jitter on top, up to a tenth. Applying it twice
 * is the same as once.
 *
 * Specification: [RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
 *
 * @param schedule - how often, and how long where the server says nothing.
 * @returns the schedule with its input as its output.
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
 * What an error asks for, in milliseconds from when it came.
 *
 * @since 0.1.0
 * @category accessors
 */
export const retryAfterMillis = (error: { readonly _tag: string }): number | undefined => {
  const { retryAfter } = error as HasRetryAfter // Every field of Asking but the tag is optional, so any tagged error is one.
  return Duration.isDuration(retryAfter) ? Duration.toMillis(retryAfter) : undefined
}
