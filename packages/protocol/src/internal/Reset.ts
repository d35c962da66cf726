import * as HttpDate from "../HttpDate.js"
import { trimBlanks } from "./Char.js"
import * as Decimal from "./Decimal.js"

/** @internal */
export type Headers = Readonly<Record<string, string | undefined>>

/**
 * The names that the fields of the `X-RateLimit` family go by; the first name of a family is its own.
 *
 * @internal
 */
export const FAMILY = ["x-ratelimit", "x-rate-limit", "ratelimit"] as const

/**
 * Milliseconds until a reset: numbers from 1e9 on are epoch seconds and from 1e12 on epoch milliseconds; smaller ones are
 * seconds from now. Of several the latest counts.
 *
 * @internal
 */
export const until = (text: string | undefined, headers: Headers, now: number): number | undefined =>
  latest(text, (member) => untilReset(member, headers, now))

const untilReset = (text: string, headers: Headers, now: number): number | undefined => {
  const milliseconds = Decimal.parse(text, 1000)
  if (milliseconds === undefined || milliseconds < EPOCH_SECONDS * 1000) return milliseconds
  const epoch = milliseconds < EPOCH_MILLISECONDS * 1000 ? milliseconds : (Decimal.parse(text, 1) ?? milliseconds)
  return Math.max(0, epoch - serverTime(headers, now))
}

/** As a delay, 31 years; as a time, September 2001. */
const EPOCH_SECONDS = 1e9

/** As seconds, the year 33658; as milliseconds, September 2001. */
const EPOCH_MILLISECONDS = 1e12

const DAY_MS = 86_400_000

/**
 * The server's clock where `Date` and `Age` tell it, else ours.
 *
 * @internal
 */
export const serverTime = (headers: Headers, now: number): number => {
  const date = HttpDate.parse(trimBlanks(headers["date"] ?? ""), now)
  if (date === undefined) return now
  const time = date + (Decimal.parse(trimBlanks(headers["age"] ?? ""), 1000) ?? 0)
  return Math.abs(time - now) <= DAY_MS ? time : now
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
