import * as HttpDate from "@countersign/protocol/HttpDate"
import * as RateLimit from "@countersign/protocol/RateLimit"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const now = Date.UTC(2026, 10, 22, 12)
const parse = (headers: RetryAfter.Headers) => RateLimit.parse(headers, now)

describe("RateLimit.parse of RateLimit and RateLimit-Policy", () => {
  it("joins the members of both fields by policy name", () => {
    const headers = {
      ratelimit: '"burst";r=7;t=30, "daily";r=0;t=3600',
      "ratelimit-policy": '"daily";q=5000;w=86400;pk=:YQ==:, "burst";q=10;w=60;qu="requests"'
    }
    expect(parse(headers)).toEqual([
      { source: "ratelimit", policy: "burst", limit: 10, remaining: 7, resetMs: 30_000, windowMs: 60_000 },
      { source: "ratelimit", policy: "daily", limit: 5000, remaining: 0, resetMs: 3_600_000, windowMs: 86_400_000 }
    ])
  })

  it("returns the members that only one of the fields has", () => {
    expect(parse({ ratelimit: '"a";r=1' })).toEqual([{ source: "ratelimit", policy: "a", remaining: 1 }])
    expect(parse({ "ratelimit-policy": '"b";q=5;w=1' })).toEqual([
      { source: "ratelimit", policy: "b", limit: 5, windowMs: 1000 }
    ])
  })

  it("ignores a parameter that is not a non-negative integer", () => {
    expect(parse({ ratelimit: '"a";r=-1;t=1.5' })).toEqual([{ source: "ratelimit", policy: "a" }])
    expect(parse({ ratelimit: '"a";r="0";t' })).toEqual([{ source: "ratelimit", policy: "a" }])
  })

  it.each(['"a";r=0,', '"a";r=0;t==', "limit=100, remaining=50", '"a', "\u0000"])(
    "ignores the malformed field %j",
    (ratelimit) => {
      expect(parse({ ratelimit, "ratelimit-policy": '"p";q=1' })).toEqual([
        { source: "ratelimit", policy: "p", limit: 1 }
      ])
    }
  )

  it("accepts unknown parameters of every type of RFC 9651", () => {
    const ascii = FastCheck.string({
      unit: FastCheck.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c))
    })
    const integer = FastCheck.integer({ min: -999_999_999, max: 999_999_999 })
    const octet = (byte: number) =>
      byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x25 ? hex(byte) : char(byte)
    const hex = (byte: number) => `%${byte.toString(16).padStart(2, "0")}`
    const char = (byte: number) => String.fromCharCode(byte)
    const value = FastCheck.oneof(
      integer.map(String),
      FastCheck.tuple(integer, FastCheck.integer({ min: 0, max: 999 })).map(([whole, part]) => `${whole}.${part}`),
      ascii.map((text) => `"${text.replace(/[\\"]/g, "\\$&")}"`),
      FastCheck.constantFrom("token", "*a:/b", "A!#$%&'*+-.^_`|~"),
      FastCheck.uint8Array({ maxLength: 9 }).map((bytes) => `:${Buffer.from(bytes).toString("base64")}:`),
      FastCheck.uint8Array({ maxLength: 9 }).map(
        (bytes) => `:${Buffer.from(bytes).toString("base64").replaceAll("=", "")}:`
      ),
      FastCheck.constantFrom("?0", "?1"),
      integer.map((seconds) => `@${seconds}`),
      FastCheck.string({ unit: "binary" }).map(
        (text) => `%"${Array.from(new TextEncoder().encode(text), octet).join("")}"`
      )
    )
    const params = FastCheck.array(FastCheck.tuple(FastCheck.constantFrom("x", "pk", "*a_-.9"), value)).map((all) =>
      all.map(([name, text]) => `;${name}=${text}`).join("")
    )
    FastCheck.assert(
      FastCheck.property(params, params, (before, after) => {
        expect(parse({ ratelimit: `"a"${before};r=1${after};t=2` })).toEqual([
          { source: "ratelimit", policy: "a", remaining: 1, resetMs: 2000 }
        ])
      }),
      { numRuns: 500 }
    )
  })

  it("reads a large t as epoch seconds", () => {
    const date = HttpDate.format(now - 60_000)
    expect(parse({ ratelimit: `"a";r=0;t=${now / 1000}`, date })).toEqual([
      { source: "ratelimit", policy: "a", remaining: 0, resetMs: 60_000 }
    ])
  })

  it("ignores a member that is a number instead of a policy name", () => {
    expect(parse({ ratelimit: "5;r=0;t=1" })).toEqual([])
  })
})

describe.each(["x-ratelimit", "x-rate-limit", "ratelimit"])(
  "RateLimit.parse of %s-limit, -remaining and -reset",
  (family) => {
    const fields = (limit?: string, remaining?: string, reset?: string) => ({
      [`${family}-limit`]: limit,
      [`${family}-remaining`]: remaining,
      [`${family}-reset`]: reset
    })

    it("returns one limit, with a reset read as a delay or an epoch", () => {
      const one = { source: "x-ratelimit", limit: 60, remaining: 59 }
      expect(parse(fields("60", "59", "30"))).toEqual([{ ...one, resetMs: 30_000 }])
      expect(parse(fields("60", "59", String(now / 1000 + 30)))).toEqual([{ ...one, resetMs: 30_000 }])
      expect(parse(fields("60", "59", String(now + 30_000)))).toEqual([{ ...one, resetMs: 30_000 }])
      expect(parse(fields("60", "59", String(now / 1000 - 30)))).toEqual([{ ...one, resetMs: 0 }])
    })

    it("compares an epoch with the server's clock", () => {
      const date = HttpDate.format(now - 60_000)
      expect(parse({ ...fields(undefined, "0", String(now / 1000)), date })).toEqual([
        { source: "x-ratelimit", remaining: 0, resetMs: 60_000 }
      ])
    })

    it("uses the first limit, the smallest remaining and the latest reset of several values", () => {
      expect(parse(fields("10, 10;w=1, 50;w=60", "7, 3, x", "1, 60"))).toEqual([
        { source: "x-ratelimit", limit: 10, remaining: 3, resetMs: 60_000 }
      ])
    })

    it("ignores values that are not numbers", () => {
      expect(parse(fields("0x10", "-1", "soon"))).toEqual([])
      expect(parse(fields("1e3", "", "30"))).toEqual([{ source: "x-ratelimit", resetMs: 30_000 }])
    })
  }
)

describe("RateLimit.parse", () => {
  const names = [
    "ratelimit",
    "ratelimit-policy",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "date",
    "age"
  ]
  const seeds = ['"p";r=0;t=100;pk=:YQ==:', '"p";q=10;w=60', "120", "1.5", ",", "9".repeat(20), "-1", "1764000000"]

  it("returns no limits when no field is present", () => {
    expect(parse({})).toEqual([])
    expect(parse({ ratelimit: "", "x-ratelimit-limit": undefined })).toEqual([])
  })

  it("returns a reset of 0 for an epoch when now is NaN", () => {
    expect(RateLimit.parse({ "x-ratelimit-reset": "1764000000" }, Number.NaN)).toEqual([
      { source: "x-ratelimit", resetMs: 0 }
    ])
  })

  it("returns integers and never throws, for any fields", () => {
    const value = FastCheck.option(hostile.text(...seeds), { nil: undefined })
    const headers = FastCheck.record(Object.fromEntries(names.map((name) => [name, value])))
    FastCheck.assert(
      FastCheck.property(headers, FastCheck.oneof(FastCheck.constant(now), FastCheck.double()), (fields, time) => {
        for (const { limit, remaining, resetMs, windowMs } of RateLimit.parse(fields, time)) {
          for (const n of [limit, remaining, resetMs, windowMs]) {
            expect(n === undefined || (Number.isSafeInteger(n) && n >= 0)).toBe(true)
          }
        }
      }),
      hostile.runs
    )
  })

  it("agrees with RetryAfter.parse about the reset of an exhausted limit", () => {
    const count = FastCheck.integer({ min: 0, max: 3 })
    const seconds = FastCheck.integer({ min: 0, max: 100 })
    FastCheck.assert(
      FastCheck.property(count, seconds, FastCheck.boolean(), (left, reset, structured) => {
        const headers: RetryAfter.Headers = structured
          ? { ratelimit: `"p";r=${left};t=${reset}` }
          : { "x-ratelimit-remaining": String(left), "x-ratelimit-reset": String(reset) }
        const spent = RateLimit.parse(headers, now).find(({ remaining }) => remaining === 0)
        expect(spent?.resetMs).toBe(RetryAfter.parse(headers, now)?.delayMs)
      })
    )
  })

  it.each(names)("does work that is linear in the length of %s", (name) => {
    const units = ['"p";r=0;t=1,', '"p";r=0', ";a", ":a:", '"\\"', "1.", "0,", " 0", "Sun, "]
    expect(hostile.growth((text) => parse({ "x-ratelimit-reset": "1", [name]: text }), 8_192, ...units)).toBeLessThan(
      2.1
    )
  })
})
