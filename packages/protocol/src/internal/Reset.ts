import * as HttpDate from "../HttpDate.js"
import { trimBlanks } from "./Char.js"
import * as Decimal from "./Decimal.js"
import { single } from "./Singleton.js"

/** @internal */
export type Headers = Readonly<Record<string, string | undefined>>

/**
 * The spellings of the `X-RateLimit` fields. The first one names the family.
 *
 * @internal
 */
export const FAMILY = ["x-ratelimit", "x-rate-limit", "ratelimit"] as const

/**
 * The wait of a number of seconds, in milliseconds. Numbers from 1e9 on are epoch seconds, from 1e12 on epoch milliseconds.
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
 * The wait of a number of milliseconds. Numbers from 1e12 on are epoch milliseconds.
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
 * Milliseconds until a point in time, 0 if it has passed.
 *
 * @internal
 */
export const untilEpoch = (epochMs: number, clock: number): number => Math.max(0, epochMs - clock)

/**
 * Milliseconds until a reset. Of several values the latest is used.
 *
 * @internal
 */
export const until = (text: string | undefined, clock: number): number | undefined =>
  latest(text, (member) => fromSeconds(member, clock))

/** As a delay 31 years, as epoch seconds September 2001. */
const EPOCH_SECONDS = 1e9

/** As epoch seconds the year 33658, as a delay in milliseconds 31 years, as epoch milliseconds September 2001. */
const EPOCH_MILLISECONDS = 1e12

/**
 * The server's clock: `Date`, plus `Age` of a cached response. `now` if `Date` is missing or invalid.
 *
 * It is read once for all members of a field, so that two long fields take linear time.
 *
 * @internal
 */
export const serverTime = (headers: Headers, now: number): number => {
  const date = HttpDate.parse(trimBlanks(single(headers["date"] ?? "")), now)
  return date === undefined ? now : date + (Decimal.parse(trimBlanks(single(headers["age"] ?? "")), 1000) ?? 0)
}

/**
 * The largest valid value of a comma-separated list. Invalid members are ignored.
 *
 * @internal
 */
export const latest = (text: string | undefined, read: (member: string) => number | undefined): number | undefined => {
  const pieces = text?.split(",") ?? []
  return maximum(
    pieces.flatMap((piece, index) => {
      const member = trimBlanks(piece)
      // A list may have empty members (RFC 9110 §5.6.1), or only such.
      if (member === "") return []
      // The comma in `Wed, 21 Oct 2015 07:28:00 GMT` does not separate members. Neither half of a date is a valid value.
      const value = read(member) ?? read(trimBlanks(`${piece},${pieces[index + 1] ?? ""}`))
      return value === undefined ? [] : [value]
    })
  )
}

/**
 * The largest of the values, undefined if there are none.
 *
 * @internal
 */
export const maximum = (values: ReadonlyArray<number>): number | undefined =>
  values.length === 0 ? undefined : values.reduce((a, b) => Math.max(a, b))

/**
 * Rounds up to an integer number of milliseconds from 0 to `Number.MAX_SAFE_INTEGER`. Negated, so that `NaN` becomes 0.
 *
 * @internal
 */
export const clamp = (ms: number): number => (!(ms > 0) ? 0 : Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER))
