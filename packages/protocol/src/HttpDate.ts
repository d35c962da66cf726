/**
 * HTTP-date (RFC 9110 §5.6.7): parser and formatter, without a clock, a time zone or `Date`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
 * @since 0.1.0
 */
import { isDigit } from "./internal/Char.js"

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const
const LONG_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const

const DAY_MS = 86_400_000
const EARLIEST = -62_167_219_200_000
const LATEST = 253_402_300_799_000

/**
 * The latest time of a `Date` and of Effect's `DateTime`, in epoch milliseconds. A server may name a later time.
 *
 * @see https://tc39.es/ecma262/#sec-timeclip
 * @since 0.1.0
 * @category constants
 */
export const maxMillis = 8.64e15

/**
 * Parses an HTTP-date in any of the three forms that a recipient must accept. All are GMT.
 *
 * - IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`
 * - RFC 850: `Sunday, 06-Nov-94 08:49:37 GMT`. The year is the latest one with these digits that is at most 50 years after
 *   `now`. Without `now`, 70 to 99 are 1970 to 1999 and 00 to 69 are 2000 to 2069, as in POSIX.
 * - asctime: `Sun Nov  6 08:49:37 1994`
 *
 * Parsing is strict: letter case, spaces and the number of digits must match, with nothing before or after. The day must
 * exist in its month, and the name of the day must be correct (RFC 5322 §3.3). Second 60 is accepted in any minute, and is
 * the first second of the next one.
 *
 * @example
 * import * as HttpDate from "@countersign/protocol/HttpDate"
 *
 * HttpDate.parse("Sun, 06 Nov 1994 08:49:37 GMT") // 784111777000
 *
 * @param text the field value, without whitespace around it
 * @param now epoch milliseconds that an RFC 850 year is compared with
 * @returns epoch milliseconds, or `undefined` if the text is not an HTTP-date
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
 * @see https://www.rfc-editor.org/rfc/rfc5322#section-3.3
 * @since 0.1.0
 * @category decoding
 */
export const parse = (text: string, now?: number): number | undefined => {
  // asctime is the shortest form (24 characters), RFC 850 with `Wednesday, ` the longest (33).
  if (text.length < 24 || text.length > 33) return undefined
  if (text[3] === ",") return parseImfFixdate(text)
  if (text[3] === " ") return parseAsctime(text)
  return parseRfc850(text, now)
}

/**
 * Formats an IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`. Fractions of a second are rounded down.
 *
 * @param epochMs epoch milliseconds; values outside the years 0000 to 9999 are clamped, `NaN` becomes the epoch
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
 * @since 0.1.0
 * @category encoding
 */
export const format = (epochMs: number): string => {
  const time = Number.isNaN(epochMs) ? 0 : Math.min(Math.max(epochMs, EARLIEST), LATEST)
  const days = Math.floor(time / DAY_MS)
  const seconds = Math.floor((time - days * DAY_MS) / 1000)
  const { day, month, year } = dateOfDays(days)
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((part) => pad(part, 2))
  return `${DAYS[weekdayOfDays(days)]}, ${pad(day, 2)} ${MONTHS[month - 1]} ${pad(year, 4)} ${clock.join(":")} GMT`
}

interface Parts {
  readonly weekday: number
  readonly year: number
  /** 1 to 12, or 0 for an unknown name. */
  readonly month: number
  readonly day: number | undefined
  /** Milliseconds since midnight. */
  readonly time: number | undefined
}

const parseImfFixdate = (text: string): number | undefined => {
  const year = digits(text, 12, 4)
  if (text.length !== 29 || year === undefined || !hasAt(text, { 3: ", ", 7: " ", 11: " ", 16: " ", 25: " GMT" })) {
    return undefined
  }
  return epochOf({
    weekday: indexOf(DAYS, text.slice(0, 3)),
    year,
    month: monthAt(text, 8),
    day: digits(text, 5, 2),
    time: timeAt(text, 17)
  })
}

const parseAsctime = (text: string): number | undefined => {
  const year = digits(text, 20, 4)
  if (text.length !== 24 || year === undefined || !hasAt(text, { 3: " ", 7: " ", 10: " ", 19: " " })) return undefined
  return epochOf({
    weekday: indexOf(DAYS, text.slice(0, 3)),
    year,
    month: monthAt(text, 4),
    day: text[8] === " " ? digits(text, 9, 1) : digits(text, 8, 2),
    time: timeAt(text, 11)
  })
}

const parseRfc850 = (text: string, now: number | undefined): number | undefined => {
  const comma = text.indexOf(",")
  const rest = text.slice(comma + 1)
  const yy = digits(rest, 8, 2)
  if (comma === -1 || rest.length !== 23 || yy === undefined) return undefined
  if (!hasAt(rest, { 0: " ", 3: "-", 7: "-", 10: " ", 19: " GMT" })) return undefined
  const parts = { month: monthAt(rest, 4), day: digits(rest, 1, 2), time: timeAt(rest, 11) }
  return epochOf({ weekday: indexOf(LONG_DAYS, text.slice(0, comma)), year: fullYear(yy, parts, now), ...parts })
}

const fullYear = (yy: number, date: Omit<Parts, "weekday" | "year">, now: number | undefined): number => {
  if (now === undefined || !(Math.abs(now) <= LATEST)) return yy >= 70 ? 1900 + yy : 2000 + yy
  const nowDays = Math.floor(now / DAY_MS)
  const { day, month, year } = dateOfDays(nowDays)
  const horizon = daysOfDate(year + 50, month, day) * DAY_MS + (now - nowDays * DAY_MS)
  const appears = (candidate: number): number =>
    daysOfDate(candidate, date.month, date.day ?? 0) * DAY_MS + (date.time ?? 0)
  const century = year + 100 - (((year % 100) + 100) % 100)
  return [century + yy, century - 100 + yy].find((candidate) => appears(candidate) <= horizon) ?? century - 200 + yy
}

const epochOf = ({ day, month, time, weekday, year }: Parts): number | undefined => {
  if (month === 0 || day === undefined || day < 1 || day > daysInMonth(year, month) || time === undefined)
    return undefined
  const days = daysOfDate(year, month, day)
  return weekdayOfDays(days) === weekday ? days * DAY_MS + time : undefined
}

const timeAt = (text: string, index: number): number | undefined => {
  const hour = digits(text, index, 2)
  const minute = digits(text, index + 3, 2)
  const second = digits(text, index + 6, 2)
  if (hour === undefined || minute === undefined || second === undefined) return undefined
  if (text[index + 2] !== ":" || text[index + 5] !== ":" || hour > 23 || minute > 59 || second > 60) return undefined
  return ((hour * 60 + minute) * 60 + second) * 1000
}

const digits = (text: string, start: number, count: number): number | undefined => {
  let value = 0
  for (let index = start; index < start + count; index++) {
    const code = text.charCodeAt(index)
    if (!isDigit(code)) return undefined
    value = value * 10 + (code - 0x30)
  }
  return value
}

const hasAt = (text: string, parts: Readonly<Record<number, string>>): boolean =>
  Object.entries(parts).every(([index, part]) => text.startsWith(part, Number(index)))

const monthAt = (text: string, index: number): number => indexOf(MONTHS, text.slice(index, index + 3)) + 1

const indexOf = (names: ReadonlyArray<string>, name: string): number => names.indexOf(name)

const pad = (value: number, width: number): string => String(value).padStart(width, "0")

/** 1970-01-01, day 0, was a Thursday. */
const weekdayOfDays = (days: number): number => (((days + 4) % 7) + 7) % 7

// Howard Hinnant's `days_from_civil` and `civil_from_days`: years start in March, so that the leap day is their last day,
// and 400 years are 146 097 days. `Date.UTC` would treat the years 0 to 99 as 1900 to 1999.
const daysOfDate = (year: number, month: number, day: number): number => {
  const marchYear = month <= 2 ? year - 1 : year
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

// `daysOfDate` accepts month 13, which is January of the next year.
const daysInMonth = (year: number, month: number): number => daysOfDate(year, month + 1, 1) - daysOfDate(year, month, 1)

const dateOfDays = (days: number): { readonly year: number; readonly month: number; readonly day: number } => {
  const era = Math.floor((days + 719_468) / 146_097)
  const dayOfEra = days + 719_468 - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1
  }
}
