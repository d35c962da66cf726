import * as HttpDate from "@countersign/protocol/HttpDate"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const most = Number.MAX_SAFE_INTEGER
const second = 1_000
const hour = 3_600 * second
const day = 24 * hour
/** A Sunday, without milliseconds. */
const now = Date.UTC(2026, 10, 22, 12, 0, 0)

const date = (delayMs: number): string => HttpDate.format(now + delayMs)
const delayOf = (headers: RetryAfter.Headers): number | undefined => RetryAfter.parse(headers, now)?.delayMs

describe("RetryAfter.parse of Retry-After", () => {
  it.each([
    ["7", 7_000],
    ["0", 0],
    ["00007", 7_000],
    [" \t7 \t", 7_000],
    ["7.5", 7_500],
    ["0.1", 100],
    ["1.0001", 1_001],
    ["0.0000000000000000000001", 1],
    ["120.000", 120_000],
    ["2592000", 2_592_000_000],
    ["999999999", 999_999_999_000],
    [String(now / 1000 + 30), 30_000],
    [`${now / 1000 + 30}.25`, 30_250],
    [String(now / 1000 - 30), 0],
    ["1000000000", 0],
    ["999999999999", 999_999_999_999_000 - now],
    [String(now + 30_000), 30_000],
    [String(now - 30_000), 0],
    ["1000000000000", 0],
    ["9007199254740991", most - now],
    ["9".repeat(400), most - now],
    [`7, ${now / 1000 + 30}`, 30_000],
    [`${"0".repeat(400)}5`, 5_000],
    ["7, 9", 9_000],
    ["9,7", 9_000],
    ["5, soon, 3", 5_000],
    [", ,4,", 4_000]
  ])("reads %j as a wait of %i ms", (text, delayMs) => {
    expect(RetryAfter.parse({ "retry-after": text }, now)).toEqual({ delayMs, source: "retry-after" })
  })

  it.each([
    "",
    " ",
    ",",
    "soon",
    "-7",
    "+7",
    "1e3",
    "0x10",
    "1_000",
    "7s",
    "7 8",
    ".5",
    "5.",
    "1.2.3",
    "NaN",
    "Infinity",
    "1e400",
    "\u0667",
    "\u00a07",
    "2026-11-22T12:01:40Z",
    "Sun, 22 Nov 2026 12:01:40 UTC",
    "Sun, 22 Nov 2026",
    "Sun,"
  ])("returns undefined for an invalid %j, whatever the other fields say", (text) => {
    const others = { ratelimit: '"p";r=0;t=9', "x-ratelimit-reset": "9" }
    expect(RetryAfter.parse({ "retry-after": text, ...others }, now)).toBeUndefined()
  })

  it.each([
    [date(100 * second), 100 * second],
    ["Sunday, 22-Nov-26 12:01:40 GMT", 100 * second],
    ["Sun Nov 22 12:01:40 2026", 100 * second],
    [date(0), 0],
    [date(-100 * second), 0],
    ["Wed, 21 Oct 2015 07:28:00 GMT, 120", 120_000],
    ["120, Wed, 21 Oct 2015 07:28:00 GMT", 120_000],
    [`${date(50 * second)}, ${date(80 * second)}`, 80_000],
    [`7,${date(50 * second)},Sunday, 22-Nov-26 12:01:40 GMT, 9`, 100_000],
    [`Sun, ${date(50 * second)}`, 50_000]
  ])("reads %s as a wait of %i ms", (text, delayMs) => {
    expect(delayOf({ "retry-after": text })).toBe(delayMs)
  })

  it("rounds the wait until a date up when now has a fraction of a second", () => {
    expect(RetryAfter.parse({ "retry-after": date(2_000) }, now + 0.25)?.delayMs).toBe(2_000)
    expect(RetryAfter.parse({ "retry-after": date(2_000) }, now + 1)?.delayMs).toBe(1_999)
  })
})

describe("RetryAfter.parse with clock skew", () => {
  const skews = [0, 600 * second, day, 2 * day, 400 * day, 20 * 365 * day].flatMap((skew) => [skew, -skew])
  const epoch = (ms: number): string => String(Math.floor(ms / 1000))

  it.each(skews)("compares points in time with the server's Date when it differs by %i ms", (skew) => {
    const clock = { date: date(skew) }
    expect(delayOf({ "retry-after": date(skew + 30 * second), ...clock })).toBe(30_000)
    expect(delayOf({ "retry-after": date(skew - 30 * second), ...clock })).toBe(0)
    // A number is a point in time from 2001 on.
    if (now + skew < 1e12) return
    expect(delayOf({ "retry-after": epoch(now + skew + 30_000), ...clock })).toBe(30_000)
    expect(delayOf({ "retry-after": String(now + skew + 30_000), ...clock })).toBe(30_000)
    expect(delayOf({ "retry-after-ms": String(now + skew + 30_000), ...clock })).toBe(30_000)
    expect(delayOf({ ratelimit: `"p";r=0;t=${epoch(now + skew + 30_000)}`, ...clock })).toBe(30_000)
    expect(delayOf({ "x-ratelimit-reset": epoch(now + skew + 30_000), ...clock })).toBe(30_000)
  })

  it.each([
    ["missing", undefined],
    ["no HTTP-date", "2026-11-22T11:00:00Z"],
    ["empty", ""]
  ])("compares points in time with now when Date is %s", (_, text) => {
    expect(delayOf({ "retry-after": date(30 * second), date: text })).toBe(30_000)
    expect(delayOf({ "retry-after": epoch(now + 30_000), date: text })).toBe(30_000)
  })

  it("adds the Age of a cached response", () => {
    expect(delayOf({ "retry-after": date(30 * second), date: date(-hour), age: "3600" })).toBe(30_000)
    expect(delayOf({ "retry-after": date(30 * second), date: date(-hour), age: "-3600" })).toBe(hour + 30_000)
  })

  it("does not adjust delays in seconds", () => {
    expect(delayOf({ "retry-after": "30", date: date(-hour) })).toBe(30_000)
    expect(delayOf({ "x-ratelimit-reset": "30", date: date(-hour) })).toBe(30_000)
  })
})

describe("RetryAfter.parse of retry-after-ms", () => {
  it.each([
    ["1500", 1_500],
    ["0", 0],
    ["1500.2", 1_501],
    ["999999999999", 999_999_999_999],
    [String(now + 30_000), 30_000],
    [String(now - 30_000), 0],
    ["9".repeat(400), most - now],
    ["20, 30", 30]
  ])("reads %j as a wait of %i ms, whatever Retry-After says", (text, delayMs) => {
    const headers = { "retry-after-ms": text, "retry-after": "7" }
    expect(RetryAfter.parse(headers, now)).toEqual({ delayMs, source: "retry-after-ms" })
  })

  it.each(["", "-5", "1e3", "soon", date(second)])("ignores the invalid value %j", (text) => {
    const headers = { "retry-after-ms": text, "retry-after": "7" }
    expect(RetryAfter.parse(headers, now)).toEqual({ delayMs: 7_000, source: "retry-after" })
  })
})

describe("RetryAfter.parse of RateLimit", () => {
  it.each([
    ['"p";r=0;t=100', 100_000],
    ['"p";t=100;r=0', 100_000],
    ['"p"; r=0; t=0', 0],
    ["default;r=0;t=5", 5_000],
    ['"a, \\"b\\"";r=0;t=5;pk=:dXNlcg==:', 5_000],
    ['"second";r=0;t=1, "day";r=0;t=9000, "hour";r=5;t=20000', 9_000_000],
    ['"p";r=7;r=0;t=5', 5_000],
    ['"p";r=0;t=999999999', 999_999_999_000],
    [`"p";r=0;t=${now / 1000 + 30}`, 30_000],
    [`"p";r=0;t=${now / 1000 - 30}`, 0],
    ['"p";r=0;t=999999999999999', 999_999_999_999_999 - now],
    ['"p";r=0;t=5;x=@1659578233', 5_000],
    ['"p";r=0;t=5;x=@-1', 5_000],
    ['"p";r=0;x=%"f%c3%bc";t=5', 5_000],
    ['"p";r=0;x=%"";t=5', 5_000],
    ['"p";r=0;x=%"\\";t=5', 5_000],
    ['"p";r=0;x=%"%f0%9f%94%91, ;";t=5', 5_000],
    ['"p";r=0;t=5;pk=:aGVsbG8:', 5_000],
    ['"p";r=0;t=5;pk=::', 5_000],
    ['@1659578233;r=1, "p";r=0;t=5', 5_000]
  ])("reads %s as a wait of %i ms", (text, delayMs) => {
    const headers = { ratelimit: text, "x-ratelimit-reset": "3" }
    expect(RetryAfter.parse(headers, now)).toEqual({ delayMs, source: "ratelimit" })
  })

  it.each([
    "",
    '"p";r=1;t=100',
    '"p";r=0',
    '"p";t=100',
    '"p";r=0;t=-1',
    '"p";r=0;t=1.5',
    '"p";r=0.0;t=5',
    '"p";r="0";t=5',
    "42;r=0;t=5",
    "?1;r=0;t=5",
    '"p";r=0;t=5,',
    '"p";r=0;t=5 "q"',
    '"p;r=0;t=5',
    '"p\\n";r=0;t=5',
    '"p";R=0;t=5',
    '"p";r=0;t=5;pk=:dXNlcg==',
    '"p";pk=:a!;r=0;t=5',
    '"p";r=0;t=1234567890123456',
    "limit=10, remaining=0, reset=50",
    '("p");r=0;t=5',
    '"p";r=0;t=@5',
    '"p";r=0;t=5;x=@',
    '"p";r=0;t=5;x=@1.0',
    '"p";r=0;t=5;x=@ 1',
    '"p";r=0;t=5;x=@1234567890123456',
    '"p";r=0;t=5;x=%',
    '"p";r=0;t=5;x=%"',
    '"p";r=0;t=5;x=%"a',
    "\"p\";r=0;t=5;x=%'a'",
    '"p";r=0;t=5;x=%"ü"',
    '"p";r=0;t=5;x=%"%C3%BC"',
    '"p";r=0;t=5;x=%"%c3"',
    '"p";r=0;t=5;x=%"%c3%b"',
    '"p";r=0;t=5;x=%"%"',
    '"p";r=0;t=5;x=%"%gg"',
    '"p";r=0;t=5;x=%"%80"',
    '"p";r=0;t=5;x=%"%c0%af"',
    '"p";r=0;t=5;x=%"%ed%a0%80"',
    '"p";r=0;t=5;x=%"%f4%90%80%80"',
    '"p";r=0;t=5;pk=:=aGVsbG8=:',
    '"p";r=0;t=5;pk=:a=GVsbG8=:',
    '"p";r=0;t=5;pk=:aGVsbG8==:',
    '"p";r=0;t=5;pk=:YQ===:',
    '"p";r=0;t=5;pk=:=:',
    '"p";r=0;t=5;pk=:a:',
    '"p";r=0;t=5;pk=:aGVs bG8=:',
    '"p";r=0;t=5;pk=:_-Ah:'
  ])("ignores %j", (text) => {
    const headers = { ratelimit: text, "x-ratelimit-reset": "3" }
    expect(RetryAfter.parse(headers, now)).toEqual({ delayMs: 3_000, source: "x-ratelimit-reset" })
  })

  it("prefers Retry-After to RateLimit", () => {
    expect(delayOf({ "retry-after": "7", ratelimit: '"p";r=0;t=100' })).toBe(7_000)
  })
})

describe("RetryAfter.parse of X-RateLimit-Reset", () => {
  it.each([
    ["30", 30_000],
    ["0", 0],
    ["1.5", 1_500],
    ["999999999", 999_999_999_000],
    [String(now / 1000 + 30), 30_000],
    [String(now / 1000 - 30), 0],
    [`${now / 1000 + 30}.25`, 30_250],
    [String(now + 30_000), 30_000],
    ["1000000000", 0],
    ["9".repeat(400), most - now],
    ["10, 20", 20_000]
  ])("reads %j as a wait of %i ms, in each spelling", (text, delayMs) => {
    for (const name of ["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"]) {
      expect(RetryAfter.parse({ [name]: text }, now)).toEqual({ delayMs, source: "x-ratelimit-reset" })
    }
  })

  it.each(["", "-30", "1e9", "0x10", "soon", "1m30s", date(second)])("ignores the invalid value %j", (text) => {
    expect(RetryAfter.parse({ "x-ratelimit-reset": text }, now)).toBeUndefined()
  })

  it("reads a reset only when the remaining field of the same spelling is 0 or missing", () => {
    const reset = { "x-ratelimit-reset": "30" }
    expect(delayOf({ ...reset, "x-ratelimit-remaining": "0" })).toBe(30_000)
    expect(delayOf({ ...reset, "x-ratelimit-remaining": " 0.0" })).toBe(30_000)
    expect(delayOf({ ...reset, "x-ratelimit-remaining": "5, 0" })).toBe(30_000)
    expect(delayOf({ ...reset, "x-ratelimit-remaining": "1" })).toBeUndefined()
    expect(delayOf({ ...reset, "x-ratelimit-remaining": "" })).toBeUndefined()
    expect(delayOf({ ...reset, "x-ratelimit-remaining": "1", "ratelimit-reset": "4" })).toBe(4_000)
    expect(delayOf({ ...reset, "ratelimit-remaining": "1" })).toBe(30_000)
  })
})

describe("RetryAfter.parse", () => {
  it("returns undefined when no field is present", () => {
    expect(RetryAfter.parse({}, now)).toBeUndefined()
    expect(RetryAfter.parse({ "retry-after": undefined, date: date(0) }, now)).toBeUndefined()
  })

  it("returns a non-negative integer or undefined, for any fields", () => {
    const seeds = [
      date(0),
      "Sunday, 22-Nov-26 12:01:40 GMT",
      "Sun Nov 22 12:01:40 2026",
      '"p";r=0;t=100;pk=:YQ==:',
      "120",
      "1.5",
      ",",
      "9".repeat(20),
      "-1"
    ]
    const value = FastCheck.option(hostile.text(...seeds), { nil: undefined })
    const names = [
      "retry-after-ms",
      "retry-after",
      "ratelimit",
      "x-ratelimit-reset",
      "x-ratelimit-remaining",
      "date",
      "age"
    ]
    const headers = FastCheck.record(Object.fromEntries(names.map((name) => [name, value])))
    FastCheck.assert(
      FastCheck.property(headers, FastCheck.oneof(FastCheck.constant(now), FastCheck.double()), (fields, time) => {
        const delayMs = RetryAfter.parse(fields, time)?.delayMs ?? 0
        expect(Number.isSafeInteger(delayMs) && delayMs >= 0).toBe(true)
      }),
      hostile.runs
    )
  })

  it("does work that is linear in the text of several fields together", () => {
    const run = (text: string) => {
      const clock = { date: " ".repeat(text.length), age: "0".repeat(text.length) }
      RetryAfter.parse({ "retry-after": text, ...clock }, now)
      return RetryAfter.parse({ "x-ratelimit-reset": text, ...clock }, now)
    }
    expect(hostile.growth(run, 8_192, "1764000000,", `${date(0)},`)).toBeLessThan(2.1)
  })

  it.each(["retry-after-ms", "retry-after", "ratelimit", "x-ratelimit-reset", "x-ratelimit-remaining", "date", "age"])(
    "does work that is linear in the length of %s",
    (name) => {
      const run = (text: string) => RetryAfter.parse({ "x-ratelimit-reset": "1", [name]: text }, now)
      const units = [
        "Sun,",
        "Sun, ",
        `${date(0)},`,
        '"p";r=0;t=1,',
        '"p";r=0',
        ";a",
        ":a:",
        '"\\"',
        "1.",
        "0,",
        " 0"
      ].concat("1764000000,", '%"', '"p";x=%"%c3%bc",', "@1,")
      expect(hostile.growth(run, 8_192, ...units)).toBeLessThan(2.1)
    }
  )
})

describe("RetryAfter.parse", () => {
  const date = "Wed, 21 Oct 2015 07:28:00 GMT"

  it("reads Date and Age as one value when a transport joined two equal fields", () => {
    const now = Date.parse("2030-01-01T00:00:00Z")
    const headers = { "retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", age: "10" }
    const once = RetryAfter.parse({ ...headers, date }, now)
    expect(once).toEqual({ source: "retry-after", delayMs: 20_000 })
    expect(RetryAfter.parse({ ...headers, date: `${date}, ${date}`, age: "10, 10" }, now)).toEqual(once)
  })
})
