import * as Problem from "@countersign/client/Problem"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"

describe("Problem.isProblem", () => {
  it("accepts application/problem+json with parameters and in any letter case", () => {
    for (const type of [
      "application/problem+json",
      "Application/Problem+JSON; charset=utf-8",
      " application/problem+json"
    ]) {
      expect(Problem.isProblem(type), type).toBe(true)
    }
    for (const type of [undefined, "", "application/json", "application/problem+jsonx", "application/problem+xml"]) {
      expect(Problem.isProblem(type), String(type)).toBe(false)
    }
  })
})

describe("Problem.parse", () => {
  it("returns text members and ignores others", () => {
    const text = JSON.stringify({
      type: "about:blank",
      title: 42,
      detail: ["x"],
      instance: null,
      status: 404,
      more: "x"
    })
    expect(Problem.parse(text)).toEqual(
      Option.some({ type: "about:blank", title: undefined, detail: undefined, instance: undefined })
    )
  })

  it("escapes control characters and truncates after 500 characters", () => {
    const parsed = Option.getOrThrow(
      Problem.parse(JSON.stringify({ title: "a\u001b[31m\r\nb", detail: "x".repeat(1000) }))
    )
    expect(parsed.title).toBe("a\\u{1b}[31m\\u{d}\\u{a}b")
    expect(parsed.detail).toHaveLength(500)
  })

  it("returns none for text that is no JSON object", () => {
    for (const text of ["", "null", "42", '"title"', "[]x", "{", "<html>"]) {
      expect(Problem.parse(text), text).toEqual(Option.none())
    }
  })

  it("ignores members of the prototype", () => {
    expect(Problem.parse('{"__proto__":{"title":"x"}}').pipe(Option.getOrThrow).title).toBeUndefined()
  })

  it("never throws on random text", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(FastCheck.string(), FastCheck.json()), (text) => void Problem.parse(text))
    )
    expect(Problem.parse("[".repeat(60_000))).toEqual(Option.none())
  })
})
