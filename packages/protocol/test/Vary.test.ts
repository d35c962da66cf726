import * as Vary from "@countersign/protocol/Vary"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

describe("Vary.parse", () => {
  it.each<[string | undefined, ReadonlyArray<string> | undefined]>([
    [undefined, []],
    ["", []],
    ["Accept", ["accept"]],
    ["Accept,  accept-LANGUAGE ,Accept", ["accept", "accept-language"]],
    ["*", undefined],
    ["Accept, *", undefined],
    ["Accept, foo bar", undefined],
    [
      Array.from({ length: 32 }, (_, index) => `x-${index}`).join(),
      Array.from({ length: 32 }, (_, index) => `x-${index}`)
    ],
    [Array.from({ length: 33 }, (_, index) => `x-${index}`).join(), undefined],
    [Array.from({ length: 10_000 }, (_, index) => `x-${index}`).join(), undefined]
  ])("parses %j", (fieldValue, expected) => {
    expect(Vary.parse(fieldValue)).toEqual(expected)
  })

  it("parses every text without an exception", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text("accept, accept-language", "*"), (text) => {
        expect((Vary.parse(text) ?? []).length).toBeLessThanOrEqual(32)
      })
    )
  })
})

describe("Vary.normalize", () => {
  it.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    ["en,de", "en, de"],
    [" en ,\tde ", "en, de"],
    ["text/html;  q=1", "text/html; q=1"],
    ["EN", "EN"]
  ])("normalizes %j", (fieldValue, expected) => {
    expect(Vary.normalize(fieldValue)).toBe(expected)
  })
})
