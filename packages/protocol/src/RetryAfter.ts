/**
 * How long a server asks its client to wait, in each of the fields that servers say it with.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 * @since 0.1.0
 */
import * as HttpDate from "./HttpDate.js"
import { trimBlanks } from "./internal/Char.js"
import * as Decimal from "./internal/Decimal.js"
import * as Reset from "./internal/Reset.js"
import * as StructuredList from "./internal/StructuredList.js"

/**
 * The fields of an answer, by lower-case name; several lines of a name joined with `, `.
 *
 * @since 0.1.0
 * @category models
 */
export type Headers = Readonly<Record<string, string | undefined>>

/**
 * Which field the wait was read from. `x-ratelimit-reset` stands for its whole family of names.
 *
 * @since 0.1.0
 * @category models
 */
export type Source = "retry-after-ms" | "retry-after" | "ratelimit" | "x-ratelimit-reset"

/**
 * A wait that a server asked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryAfter {
  /** Milliseconds, a whole number from 0 to `Number.MAX_SAFE_INTEGER`, rounded up: never earlier than asked. */
  readonly delayMs: number
  readonly source: Source
}

/**
 * Reads the wait from the first of these fields that is there:
 *
 * 1. `retry-after-ms`: milliseconds. An invalid one is ignored, because no standard defines it.
 * 2. `Retry-After`: seconds, or an HTTP-date. It has the last word. An invalid one gives `undefined`, whatever the other
 *    fields say, because the server named a time that cannot be read.
 * 3. `RateLimit` (draft-ietf-httpapi-ratelimit-headers): the `t` of the members with `r=0`. A malformed field is ignored.
 * 4. `X-RateLimit-Reset`, `X-Rate-Limit-Reset`, `RateLimit-Reset`: only when the `-Remaining` that goes with it is 0 or
 *    missing.
 *
 * **Points in time.** A number that can only be a point in time is read as one, in every field: seconds from 1e9 on are
 * epoch seconds, seconds from 1e12 on and milliseconds from 1e12 on are epoch milliseconds. As delays they would be 31
 * years and more. Smaller numbers are counted from now.
 *
 * **Numbers** are digits with an optional fraction: no sign, exponent or hexadecimal. Blanks around them do not count. Of
 * several values in a field the latest valid one counts (the comma after the name of a day is part of a date). A time that
 * has passed gives 0. Nothing overflows: a number of any length gives `Number.MAX_SAFE_INTEGER` at most.
 *
 * **Clock skew.** A point in time is compared with the server's own clock: `Date`, plus `Age` when a cache answered. The
 * difference is right however far the two clocks are apart. Without a valid `Date` it is compared with `now`.
 *
 * @param headers fields by lower-case name
 * @param now epoch milliseconds, when the response arrived
 * @returns the wait, or `undefined` when no field asks for one
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 * @see https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html
 * @since 0.1.0
 * @category decoding
 */
export const parse = (headers: Headers, now: number): RetryAfter | undefined => {
  const clock = Reset.serverTime(headers, now)
  const milliseconds = Reset.latest(headers["retry-after-ms"], (text) => Reset.fromMilliseconds(text, clock))
  if (milliseconds !== undefined) return wait("retry-after-ms", milliseconds)

  const retryAfter = headers["retry-after"]
  if (retryAfter !== undefined) return wait("retry-after", fromRetryAfter(retryAfter, clock, now))

  const rateLimit = headers["ratelimit"]
  const limited = rateLimit === undefined ? undefined : fromRateLimit(rateLimit, clock)
  if (limited !== undefined) return wait("ratelimit", limited)

  return wait("x-ratelimit-reset", fromReset(headers, clock))
}

const wait = (source: Source, delayMs: number | undefined): RetryAfter | undefined =>
  delayMs === undefined ? undefined : { delayMs: Reset.clamp(delayMs), source }

const fromRetryAfter = (text: string, clock: number, now: number): number | undefined =>
  Reset.latest(text, (member) => {
    const delay = Reset.fromSeconds(member, clock)
    if (delay !== undefined) return delay
    const date = HttpDate.parse(member, now)
    return date === undefined ? undefined : Reset.untilEpoch(date, clock)
  })

const fromRateLimit = (text: string, clock: number): number | undefined => {
  const exhausted = (StructuredList.parse(text) ?? []).flatMap(({ params, value }) => {
    const reset = params.get("t")
    const isPolicy = typeof value === "string" && params.get("r") === 0
    return isPolicy && typeof reset === "number" ? (Reset.fromSeconds(String(reset), clock) ?? []) : []
  })
  return Reset.maximum(exhausted)
}

const fromReset = (headers: Headers, clock: number): number | undefined => {
  for (const family of Reset.FAMILY) {
    const left = headers[`${family}-remaining`]
    const isExhausted =
      left === undefined || left.split(",").some((member) => Decimal.parse(trimBlanks(member), 1) === 0)
    const delay = isExhausted ? Reset.until(headers[`${family}-reset`], clock) : undefined
    if (delay !== undefined) return delay
  }
  return undefined
}
