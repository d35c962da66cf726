/**
 * `Retry-After` (RFC 9110 §10.2.3) and the other fields with which servers ask clients to wait.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 * @since 0.1.0
 */
import * as HttpDate from "./HttpDate.js"
import { trimBlanks } from "./internal/Char.js"
import * as Decimal from "./internal/Decimal.js"
import * as RateLimitField from "./internal/RateLimitField.js"
import * as Reset from "./internal/Reset.js"

/**
 * Header fields of a response by lower-case name. Several lines of one name are joined with `, `.
 *
 * @since 0.1.0
 * @category models
 */
export type Headers = Readonly<Record<string, string | undefined>>

/**
 * The field that a wait was read from. `x-ratelimit-reset` also stands for its other spellings.
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
  /** Milliseconds to wait: an integer from 0 to `Number.MAX_SAFE_INTEGER`, rounded up. */
  readonly delayMs: number
  /** The field that the wait was read from. */
  readonly source: Source
}

/**
 * Reads the wait from the first of these fields that is present:
 *
 * 1. `retry-after-ms`: milliseconds. No standard defines it, so an invalid value is ignored.
 * 2. `Retry-After`: seconds or an HTTP-date. An invalid value gives `undefined`, whatever the other fields say, because the
 *    server named a time that cannot be read.
 * 3. `RateLimit` (draft-ietf-httpapi-ratelimit-headers): the `t` of the members with `r=0`. A malformed field is ignored.
 * 4. `X-RateLimit-Reset`, `X-Rate-Limit-Reset`, `RateLimit-Reset`: only if the `-Remaining` field of that name is 0 or
 *    missing.
 *
 * **Points in time.** A number is read as a point in time if it is too large for a delay, in every field. Seconds from 1e9
 * on are epoch seconds. Seconds from 1e12 on, and milliseconds from 1e12 on, are epoch milliseconds. (As delays they would
 * be 31 years or more.) Smaller numbers are delays.
 *
 * **Numbers** are digits with an optional fraction, without sign, exponent or hexadecimal. Blanks around them are ignored.
 * Of several values in a field the latest valid one is used. (The comma in a date is part of the date.) If the
 * time has passed, the wait is 0 ms. It is at most `Number.MAX_SAFE_INTEGER`, for numbers of any length.
 *
 * **Clock skew.** A point in time is compared with the server's clock: `Date`, plus `Age` of a cached response. So a
 * difference between the two clocks has no effect. Without a valid `Date` it is compared with `now`.
 *
 * @example
 * import * as RetryAfter from "@countersign/protocol/RetryAfter"
 *
 * RetryAfter.parse({ "retry-after": "120" }, Date.now())?.delayMs // 120000
 *
 * @param headers fields by lower-case name
 * @param now time at which the response arrived, in epoch milliseconds
 * @returns the wait, or `undefined` if no field asks for one
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
  const exhausted = RateLimitField.parse(text).flatMap(({ params }) => {
    const reset = RateLimitField.integer(params, "t")
    const isExhausted = RateLimitField.integer(params, "r") === 0
    return isExhausted && reset !== undefined ? (Reset.fromSeconds(String(reset), clock) ?? []) : []
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
