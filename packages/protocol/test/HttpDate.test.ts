import * as HttpDate from "@countersign/protocol/HttpDate"
import { afterEach, describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const epoch = 784_111_777_000
const at = (year: number): number => Date.UTC(year, 5, 15)

const valid = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", epoch],
  ["Sunday, 06-Nov-94 08:49:37 GMT", epoch],
  ["Sun Nov  6 08:49:37 1994", epoch],
  ["Wed Nov 16 08:49:37 1994", epoch + 10 * 86_400_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["Wed, 31 Dec 1969 23:59:59 GMT", -1000],
  ["Tue, 29 Feb 2000 00:00:00 GMT", Date.UTC(2000, 1, 29)],
  ["Thu, 29 Feb 2024 23:59:59 GMT", Date.UTC(2024, 1, 29, 23, 59, 59)],
  ["Sat, 31 Dec 2016 23:59:60 GMT", Date.UTC(2017, 0, 1)],
  ["Saturday, 31-Dec-16 23:59:60 GMT", Date.UTC(2017, 0, 1)],
  ["Sat Dec 31 23:59:60 2016", Date.UTC(2017, 0, 1)],
  ["Fri, 31 Dec 9999 23:59:59 GMT", Date.UTC(9999, 11, 31, 23, 59, 59)],
  ["Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200_000]
] as const

const invalid = [
  "",
  "0",
  "1994-11-06T08:49:37Z",
  "Sun, 06 Nov 1994 08:49:37 UTC",
  "Sun, 06 Nov 1994 08:49:37 +0000",
  "Sun, 06 Nov 1994 08:49:37 gmt",
  "Sun, 06 Nov 1994 08:49:37",
  " Sun, 06 Nov 1994 08:49:37 GMT",
  "Sun, 06 Nov 1994 08:49:37 GMT ",
  "Sun,06 Nov 1994 08:49:37 GMT",
  "Sun,  06 Nov 1994 08:49:37 GMT",
  "Sun, 6 Nov 1994 08:49:37 GMT",
  "sun, 06 Nov 1994 08:49:37 GMT",
  "Sun, 06 nov 1994 08:49:37 GMT",
  "Mon, 06 Nov 1994 08:49:37 GMT",
  "Xxx, 06 Nov 1994 08:49:37 GMT",
  "Sun, 06 Xxx 1994 08:49:37 GMT",
  "Sun, 06 Nov 94 08:49:37 GMT",
  "Sun, 06 Nov 1994 24:00:00 GMT",
  "Sun, 06 Nov 1994 08:60:37 GMT",
  "Sun, 06 Nov 1994 08:49:61 GMT",
  "Sun, 06 Nov 1994 8:49:37 GMT",
  "Sun, 06 Nov 1994 08.49.37 GMT",
  "Sun, 06 Nov 1994 08:49:3\u0663 GMT",
  "Tue, 00 Nov 1994 08:49:37 GMT",
  "Thu, 31 Nov 1994 08:49:37 GMT",
  "Fri, 29 Feb 2023 00:00:00 GMT",
  "Thu, 29 Feb 1900 00:00:00 GMT",
  "Sun, 06-Nov-94 08:49:37 GMT",
  "Sunday, 06-Nov-1994 08:49:37 GMT",
  "Sunday, 06 Nov 94 08:49:37 GMT",
  "Monday, 06-Nov-94 08:49:37 GMT",
  "Sun Nov 06 08:49:37 94",
  "Sun Nov 6 08:49:37 1994",
  "Sun Nov  6 08:49:37 1994 GMT",
  "Mon Nov  6 08:49:37 1994"
]

describe("HttpDate.parse", () => {
  it.each(valid)("parses %s", (text, time) => {
    expect(HttpDate.parse(text)).toBe(time)
  })

  it.each(invalid)("rejects %j", (text) => {
    expect(HttpDate.parse(text, at(2026))).toBeUndefined()
  })

  it("accepts a leading zero in an asctime day below ten", () => {
    expect(HttpDate.parse("Sun Nov 06 08:49:37 1994")).toBe(epoch)
  })

  describe("HttpDate.parse of an RFC 850 date", () => {
    const written = (year: number, time = "08:49:37"): string => {
      const date = HttpDate.format(Date.UTC(year, 5, 15, 8, 49, 37))
      const weekday = { Sun: "Sun", Mon: "Mon", Tue: "Tues", Wed: "Wednes", Thu: "Thurs", Fri: "Fri", Sat: "Satur" }
      // `format` gives the correct names of days.
      const name = weekday[date.slice(0, 3) as keyof typeof weekday]
      return `${name}day, 15-Jun-${String(year % 100).padStart(2, "0")} ${time} GMT`
    }
    const now = Date.UTC(2026, 5, 15, 8, 49, 37)

    it.each([1977, 1999, 2000, 2025, 2026, 2027, 2075, 2076])(
      "reads its two digits as the year %i, in 2026",
      (year) => {
        expect(HttpDate.parse(written(year), now)).toBe(Date.UTC(year, 5, 15, 8, 49, 37))
      }
    )

    it("reads a year more than fifty years ahead as one of the century before", () => {
      const [inside, outside] = [written(2076), written(1976, "08:49:38")]
      expect(HttpDate.parse(inside, now)).toBe(Date.UTC(2076, 5, 15, 8, 49, 37))
      expect(HttpDate.parse(outside, now)).toBe(Date.UTC(1976, 5, 15, 8, 49, 38))
    })

    it("reads years of the next and the previous century at the turn of a century", () => {
      expect(HttpDate.parse(written(2101), at(2099))).toBe(Date.UTC(2101, 5, 15, 8, 49, 37))
      expect(HttpDate.parse(written(2099), at(2101))).toBe(Date.UTC(2099, 5, 15, 8, 49, 37))
    })

    it.each([1970, 1999, 2000, 2069])("reads its two digits as the year %i, without now", (year) => {
      expect(HttpDate.parse(written(year))).toBe(Date.UTC(year, 5, 15, 8, 49, 37))
    })

    it.each([Number.NaN, Infinity, 9e15])("ignores now when it is %d", (broken) => {
      expect(HttpDate.parse(written(1994), broken)).toBe(Date.UTC(1994, 5, 15, 8, 49, 37))
    })
  })

  it("returns undefined, or a time that formats to the same date, for any text", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text(...valid.map(([text]) => text), "GMT", ":", " "), (text) => {
        const time = HttpDate.parse(text, at(2026))
        if (time !== undefined) expect(HttpDate.parse(HttpDate.format(time))).toBe(time)
      }),
      hostile.runs
    )
  })

  it("does constant work, whatever the length of the text", () => {
    const inputs = hostile.floods(1 << 20, ...valid.map(([text]) => text))
    for (const input of inputs) expect(hostile.looks(() => HttpDate.parse(input))).toBe(0)
  })
})

describe("HttpDate.format", () => {
  it("equals Date.toUTCString, for any second of the years 0000 to 9999", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (time) => {
        const text = HttpDate.format(time)
        expect(text).toBe(new Date(time).toUTCString())
        expect(HttpDate.parse(text)).toBe(Math.floor(time / 1000) * 1000)
      }),
      hostile.runs
    )
  })

  it.each([
    [Number.NaN, "Thu, 01 Jan 1970 00:00:00 GMT"],
    [Infinity, "Fri, 31 Dec 9999 23:59:59 GMT"],
    [-Infinity, "Sat, 01 Jan 0000 00:00:00 GMT"],
    [1e300, "Fri, 31 Dec 9999 23:59:59 GMT"],
    [0.5, "Thu, 01 Jan 1970 00:00:00 GMT"],
    [-0.5, "Wed, 31 Dec 1969 23:59:59 GMT"]
  ])("formats %d as %s", (time, text) => {
    expect(HttpDate.format(time)).toBe(text)
  })
})

describe("HttpDate in another time zone", () => {
  const zone = process.env["TZ"]
  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"]
    else process.env["TZ"] = zone
  })

  it.each(["Asia/Tokyo", "America/St_Johns", "Pacific/Kiritimati"])(
    "parses and formats GMT in the time zone %s",
    (name) => {
      process.env["TZ"] = name
      // Proves that the zone is set: a time without a zone is local.
      expect(Date.parse("Sun Nov  6 08:49:37 1994")).not.toBe(epoch)
      for (const [text, time] of valid) expect(HttpDate.parse(text)).toBe(time)
      expect(HttpDate.format(epoch)).toBe("Sun, 06 Nov 1994 08:49:37 GMT")
    }
  )
})
