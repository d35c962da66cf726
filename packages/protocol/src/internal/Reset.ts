import * as HttpDate from "../HttpDate.js"
import { trimBlanks } from "./Char.js"
import * as Decimal from "./Decimal.js"
import { single } from "./Singleton.js"

/** @internal */
export type Headers = Readonly<Record<string, string | undefined>>

/**
 * The names that the fields of the `X-RateLimit` family go by; the first name of a family is its own.
 *
 * @internal
 */
export const FAMILY = ["x-ratelimit", "x-rate-limit", "ratelimit"] as const

/**
 * The wait that a number of seconds stands for, in milliseconds. A number that can only be a point in time is read as one:
 * from 1e9 on it is epoch seconds, from 1e12 on epoch milliseconds. Smaller ones are seconds from now.
 *
 * @internal
 */
export const fromSeconds = (text: string, clock: number): number | undefined => {
  const milliseconds = Decimal.parse(text, 1000)
  if (milliseconds === undefined || milliseconds < EPOCH_SECONDS * 1000) return milliseconds
  const epoch = milliseconds < EPOCH_MILLISECONDS * 1000 ? milliseconds : (Decimal.parse(text, 1) ?? milliseconds)
  return untilEpoch(epoch, clock)
}

/**
 * {@link fromSeconds} of a number of milliseconds: from 1e12 on it is epoch milliseconds.
 *
 * @internal
 */
export const fromMilliseconds = (text: string, clock: number): number | undefined => {
  const milliseconds = Decimal.parse(text, 1)
  return milliseconds === undefined || milliseconds < EPOCH_MILLISECONDS
    ? milliseconds
    : untilEpoch(milliseconds, clock)
}

/**
 * Milliseconds until a point in time; 0 where it has passed.
 *
 * @internal
 */
export const untilEpoch = (epochMs: number, clock: number): number => Math.max(0, epochMs - clock)

/**
 * Milliseconds until a reset. Of several members the latest counts.
 *
 * @internal
 */
export const until = (text: string | undefined, clock: number): number | undefined =>
  latest(text, (member) => fromSeconds(member, clock))

/** As a delay, 31 years; as epoch seconds, September 2001. */
const EPOCH_SECONDS = 1e9

/** As epoch seconds, the year 33658; as a delay in milliseconds, 31 years; as epoch milliseconds, September 2001. */
const EPOCH_MILLISECONDS = 1e12

/**
 * The server's clock, against which its points in time are read: `Date`, plus `Age` when a cache answered. `now` where
 * `Date` is missing or no HTTP-date. Read once for all members of a field, so that two long fields take linear time.
 *
 * @internal
 */
export const serverTime = (headers: Headers, now: number): number => {
  const date = HttpDate.parse(trimBlanks(single(headers["date"] ?? "")), now)
  return date === undefined ? now : date + (Decimal.parse(trimBlanks(single(headers["age"] ?? "")), 1000) ?? 0)
}

/**
 * The largest value among the members of a comma-separated list that can be read; the others do not count.
 *
 * @internal
 */
export const latest = (text: string | undefined, read: (member: string) => number | undefined): number | undefined => {
  const pieces = text?.split(",") ?? []
  return maximum(
    pieces.flatMap((piece, index) => {
      const member = trimBlanks(piece)
      // A list may have empty members (RFC 9110 §5.6.1), and a server may send nothing but.
      if (member === "") return []
      // The comma in `Wed, 21 Oct 2015 07:28:00 GMT` is none of the list's. Neither half of a date is a value by itself.
      const value = read(member) ?? read(trimBlanks(`${piece},${pieces[index + 1] ?? ""}`))
      return value === undefined ? [] : [value]
    })
  )
}

/**
 * The largest of some values, if there are any.
 *
 * @internal
 */
export const maximum = (values: ReadonlyArray<number>): number | undefined =>
  values.length === 0 ? undefined : values.reduce((a, b) => Math.max(a, b))

/**
 * A whole number of milliseconds from 0 to `Number.MAX_SAFE_INTEGER`. Negated, so that a NaN (a `now` that is none) is
 * no wait.
 *
 * @internal
 */
export const clamp = (ms: number): number => (!(ms > 0) ? 0 : Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER))
