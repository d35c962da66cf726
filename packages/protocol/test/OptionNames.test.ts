import * as OptionNames from "@countersign/protocol/OptionNames"
import * as FastCheck from "effect/FastCheck"
import { describe, expect, it } from "vitest"

const shape: OptionNames.Shape = {
  baseUrl: true,
  redirects: { limit: true, crossOrigin: true },
  retry: { schedule: true, budget: true },
  timeout: { call: true }
}
const others = { retries: "retry", params: "query" }

const find = (options: object) => OptionNames.findUnknown(options, shape, others)

describe("OptionNames.findUnknown", () => {
  it("returns undefined for known names, at any depth", () => {
    expect(find({})).toBeUndefined()
    expect(find({ baseUrl: 1, redirects: { limit: 1 }, timeout: undefined, retry: null })).toBeUndefined()
  })

  it("finds an unknown name at any depth, and suggests the nearest known one", () => {
    expect(find({ baseURL: 1 })).toEqual({ name: "baseURL", suggestion: "baseUrl" })
    expect(find({ redirect: false })).toEqual({ name: "redirect", suggestion: "redirects" })
    expect(find({ redirects: { crossorigin: 1 } })).toEqual({
      name: "redirects.crossorigin",
      suggestion: "redirects.crossOrigin"
    })
    expect(find({ retry: { budgett: false } })).toEqual({ name: "retry.budgett", suggestion: "retry.budget" })
  })

  it("suggests the option that another library names differently", () => {
    expect(find({ retries: 3 })).toEqual({ name: "retries", suggestion: "retry" })
    // `query` is not an option here.
    expect(find({ params: {} })).toEqual({ name: "params" })
  })

  it("says what to do for a name that belongs elsewhere, also by its name in another library", () => {
    const advice = "Set it on the transport."
    const elsewhere = { proxy: advice, agent: "proxy", baseURL: "baseUrl", baseUrl: "Set it on the client." }
    const inner = { retry: { budget: true } } as const
    expect(OptionNames.findUnknown({ proxy: 1 }, inner, elsewhere)).toEqual({ name: "proxy", advice })
    expect(OptionNames.findUnknown({ agent: 1 }, inner, elsewhere)).toEqual({ name: "agent", advice })
    expect(OptionNames.findUnknown({ retry: { agent: 1 } }, inner, elsewhere)).toEqual({ name: "retry.agent", advice })
    expect(OptionNames.findUnknown({ baseURL: 1 }, inner, elsewhere)?.advice).toBe("Set it on the client.")
    expect(OptionNames.findUnknown({ baseURL: 1 }, { baseUrl: true }, elsewhere)?.suggestion).toBe("baseUrl")
  })

  it("suggests nothing for a name that resembles no other", () => {
    expect(find({ anything: 1 })).toEqual({ name: "anything" })
    expect(find({ q: 1 })).toEqual({ name: "q" })
  })

  it("finds an unknown name in an object of a list", () => {
    expect(find({ retry: [{ budget: 1 }, 7, { unknown: 1 }] })).toEqual({ name: "retry.unknown" })
  })

  it("does not look into services and schedules", () => {
    class Service {
      readonly unknown = 1
    }
    expect(find({ retry: new Service() })).toBeUndefined()
    expect(find({ retry: Object.assign(Object.create(null), { unknown: 1 }) as object })).toEqual({
      name: "retry.unknown"
    })
  })

  it("treats names of Object.prototype as unknown", () => {
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      const options = JSON.parse(`{"${name}": 1}`) as object
      expect(find(options)?.name).toBe(name)
    }
  })

  it("ends quickly for long names, and cuts them", () => {
    const name = "x".repeat(1_000_000)
    expect(find({ [name]: 1 })).toEqual({ name: "x".repeat(80) })
  })

  it("finds a name exactly when the shape lacks it", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.dictionary(FastCheck.string(), FastCheck.integer()), (options) => {
        const unknown = Object.keys(options).some((name) => !Object.hasOwn(shape, name))
        expect(find(options) !== undefined).toBe(unknown)
      })
    )
  })
})

describe("OptionNames.problem", () => {
  const names = { user: true, password: "secret", keys: "secret", tls: { key: "secret" } } as const

  it("returns undefined for known names and secrets that are no text", () => {
    expect(OptionNames.problem("`X`", { user: "ada", password: {}, keys: [{}] }, names)).toBeUndefined()
    expect(OptionNames.problem("`X`", { password: undefined, tls: undefined }, names)).toBeUndefined()
  })

  it("explains an unknown name before a plain secret", () => {
    expect(OptionNames.problem("`X`", { usr: "ada", password: "c4n4ry" }, names)).toBe(
      "`X` has no option `usr`. Did you mean `user`?"
    )
  })

  it.each([
    ["password", { password: "c4n4ry" }],
    ["keys", { keys: [{}, "c4n4ry"] }],
    ["tls.key", { tls: { key: "c4n4ry" } }]
  ])("names the secret %s that is plain text, and does not show it", (name, options) => {
    expect(OptionNames.problem("`X`", options, names)).toBe(
      `\`${name}\` of \`X\` is plain text. Pass \`Redacted.make(…)\`, so that no log shows it.`
    )
  })

  it("returns undefined for an instance of a class, and for a value that is no object", () => {
    class Settings {
      readonly unknown = 1
    }
    for (const value of [new Settings(), undefined, null, "x", 1, []]) {
      expect(OptionNames.problem("`X`", value, names)).toBeUndefined()
    }
  })
})

describe("OptionNames.explain", () => {
  it("names the owner, the option and the suggestion", () => {
    expect(OptionNames.explain("an API client", { name: "retries", suggestion: "retry" })).toBe(
      "an API client has no option `retries`. Did you mean `retry`?"
    )
    expect(OptionNames.explain("a GET call", { name: "a\nb" })).toBe("a GET call has no option `a?b`. Remove it.")
    expect(OptionNames.explain("a GET call", { name: "proxy", advice: "Set it on the transport." })).toBe(
      "a GET call has no option `proxy`. Set it on the transport."
    )
  })
})

describe("OptionNames.findWrongValue", () => {
  const ranges: OptionNames.Shape = {
    count: "count",
    size: "size",
    amount: "amount",
    ratio: "ratio",
    factor: "factor",
    number: "number",
    duration: "duration"
  }

  const fine: Readonly<Record<string, ReadonlyArray<unknown>>> = {
    count: [1, 2, 1e6, Infinity],
    size: [0, 1, Infinity],
    amount: [0, 0.1, 14, Infinity],
    ratio: [0, 0.5, 1],
    factor: [0.1, 1, 14],
    number: [-1, 0, 1.5],
    duration: [
      0,
      1.5,
      5n,
      Infinity,
      "1 second",
      "1.5 minutes",
      "0 millis",
      [1, 0],
      new (class Duration {})(),
      "3  days"
    ]
  }

  const wrong: Readonly<Record<string, ReadonlyArray<unknown>>> = {
    count: [0, -1, 1.5, NaN, -Infinity, "1", null, 1n, true],
    size: [-1, 0.5, NaN, "0"],
    amount: [-0.1, NaN, "1"],
    ratio: [-0.1, 1.1, NaN, 70, "0.5"],
    factor: [0, -1, NaN, Infinity],
    number: [NaN, Infinity, "1"],
    duration: [
      -1,
      NaN,
      -5n,
      {},
      { millis: 5 },
      "soon",
      "-1 second",
      "1",
      "second",
      "1 seconds ",
      "Infinity",
      "",
      [1],
      [1, -1],
      ["1", 0]
    ]
  }

  it("returns undefined for each value within its range", () => {
    for (const [kind, values] of Object.entries(fine)) {
      for (const value of values) expect(OptionNames.findWrongValue({ [kind]: value }, ranges), kind).toBeUndefined()
    }
  })

  it("names each value out of range, and what to set", () => {
    for (const [kind, values] of Object.entries(wrong)) {
      for (const value of values) {
        const found = OptionNames.findWrongValue({ [kind]: value }, ranges)
        expect(found?.name, `${kind} ${String(value)}`).toBe(kind)
        expect(found?.problem).toMatch(/^is .*\. Set a /s)
      }
    }
  })

  it("accepts false and undefined, which turn a limit off, and what is read later", () => {
    for (const kind of Object.keys(ranges)) {
      for (const value of [undefined, false, () => 1, new (class Config {})()]) {
        expect(OptionNames.findWrongValue({ [kind]: value }, ranges), kind).toBeUndefined()
      }
    }
  })

  it("finds a wrong value at any depth, in lists too", () => {
    const nested: OptionNames.Shape = { limits: { limit: "count", key: true }, outer: { inner: { wait: "duration" } } }
    expect(OptionNames.findWrongValue({ limits: [{ limit: 1 }, { key: "a", limit: 0 }] }, nested)).toEqual({
      name: "limits.limit",
      problem: "is 0. Set a whole number from 1."
    })
    expect(OptionNames.findWrongValue({ outer: { inner: { wait: "soon" } } }, nested)).toEqual({
      name: "outer.inner.wait",
      problem: 'is "soon". Set a duration such as "30 seconds", or a number of milliseconds from 0.'
    })
  })

  it("cuts long values", () => {
    const found = OptionNames.findWrongValue({ duration: "x".repeat(10_000) }, ranges)
    expect(found?.problem.length).toBeLessThan(150)
  })
})
