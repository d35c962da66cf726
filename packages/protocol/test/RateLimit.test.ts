import * as HttpDate from "@countersign/protocol/HttpDate"
import * as RateLimit from "@countersign/protocol/RateLimit"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const now = Date.UTC(2026, 10, 22, 12)
const parse = (headers: RetryAfter.Headers) => RateLimit.parse(headers, now)

describe("RateLimit and RateLimit-Policy", () => {
  it("are joined by the name of the policy", () => {
    const headers = {
      ratelimit: '"burst";r=7;t=30, "daily";r=0;t=3600',
      "ratelimit-policy": '"daily";q=5000;w=86400;pk=:YQ==:, "burst";q=10;w=60;qu="requests"'
    }
    expect(parse(headers)).toEqual([
      { source: "ratelimit", policy: "burst", limit: 10, remaining: 7, resetMs: 30_000, windowMs: 60_000 },
      { source: "ratelimit", policy: "daily", limit: 5000, remaining: 0, resetMs: 3_600_000, windowMs: 86_400_000 }
    ])
  })

  it("a limit without a policy and a policy without a limit tell what they tell", () => {
    expect(parse({ ratelimit: '"a";r=1' })).toEqual([{ source: "ratelimit", policy: "a", remaining: 1 }])
    expect(parse({ "ratelimit-policy": '"b";q=5;w=1' })).toEqual([
      { source: "ratelimit", policy: "b", limit: 5, windowMs: 1000 }
    ])
  })

  it("a parameter that is no count does not count", () => {
    expect(parse({ ratelimit: '"a";r=-1;t=1.5' })).toEqual([{ source: "ratelimit", policy: "a" }])
    expect(parse({ ratelimit: '"a";r="0";t' })).toEqual([{ source: "ratelimit", policy: "a" }])
  })

  it.each(['"a";r=0,', '"a";r=0;t==', "limit=100, remaining=50", '"a', "\u0000"])(
    "one that is malformed is passed over: %j",
    (ratelimit) => {
      expect(parse({ ratelimit, "ratelimit-policy": '"p";q=1' })).toEqual([
        { source: "ratelimit", policy: "p", limit: 1 }
      ])
    }
  )

  it("ignores parameters with values of every type of RFC 9651", () => {
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

  it("an epoch in t is read as one, as in the other fields", () => {
    const date = HttpDate.format(now - 60_000)
    expect(parse({ ratelimit: `"a";r=0;t=${now / 1000}`, date })).toEqual([
      { source: "ratelimit", policy: "a", remaining: 0, resetMs: 60_000 }
    ])
  })

  it("a number instead of a name is no policy", () => {
    expect(parse({ ratelimit: "5;r=0;t=1" })).toEqual([])
  })
})

describe.each(["x-ratelimit", "x-rate-limit", "ratelimit"])("%s-limit, -remaining, -reset", (family) => {
  const fields = (limit?: string, remaining?: string, reset?: string) => ({
    [`${family}-limit`]: limit,
    [`${family}-remaining`]: remaining,
    [`${family}-reset`]: reset
  })

  it("are one limit, whose reset is a delay or an epoch", () => {
    const one = { source: "x-ratelimit", limit: 60, remaining: 59 }
    expect(parse(fields("60", "59", "30"))).toEqual([{ ...one, resetMs: 30_000 }])
    expect(parse(fields("60", "59", String(now / 1000 + 30)))).toEqual([{ ...one, resetMs: 30_000 }])
    expect(parse(fields("60", "59", String(now + 30_000)))).toEqual([{ ...one, resetMs: 30_000 }])
    expect(parse(fields("60", "59", String(now / 1000 - 30)))).toEqual([{ ...one, resetMs: 0 }])
  })

  it("an epoch is counted from the server's clock", () => {
    const date = HttpDate.format(now - 60_000)
    expect(parse({ ...fields(undefined, "0", String(now / 1000)), date })).toEqual([
      { source: "x-ratelimit", remaining: 0, resetMs: 60_000 }
    ])
  })

  it("of several values the first limit, the least remaining and the latest reset count", () => {
    expect(parse(fields("10, 10;w=1, 50;w=60", "7, 3, x", "1, 60"))).toEqual([
      { source: "x-ratelimit", limit: 10, remaining: 3, resetMs: 60_000 }
    ])
  })

  it("what is no number is not there", () => {
    expect(parse(fields("0x10", "-1", "soon"))).toEqual([])
    expect(parse(fields("1e3", "", "30"))).toEqual([{ source: "x-ratelimit", resetMs: 30_000 }])
  })
})

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

  it("reads nothing where nothing is", () => {
    expect(parse({})).toEqual([])
    expect(parse({ ratelimit: "", "x-ratelimit-limit": undefined })).toEqual([])
  })

  it("a time that is none makes an epoch a reset that has come", () => {
    expect(RateLimit.parse({ "x-ratelimit-reset": "1764000000" }, Number.NaN)).toEqual([
      { source: "x-ratelimit", resetMs: 0 }
    ])
  })

  it("gives whole numbers and never throws, whatever the fields hold", () => {
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

  it("agrees with RetryAfter on when a spent limit comes back", () => {
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

  it.each(names)("works twice as much on twice the text in %s", (name) => {
    const units = ['"p";r=0;t=1,', '"p";r=0', ";a", ":a:", '"\\"', "1.", "0,", " 0", "Sun, "]
    expect(hostile.growth((text) => parse({ "x-ratelimit-reset": "1", [name]: text }), 8_192, ...units)).toBeLessThan(
      2.1
    )
  })
})
