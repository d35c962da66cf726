import * as TokenRecord from "@countersign/auth/TokenRecord"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Item = Schema.Struct({ id: Schema.Number })
const invalid = (what: string) => `the record ${what}`
const bytes = (text: string) => new TextEncoder().encode(text)

describe("TokenRecord.parse", () => {
  it.effect.each(["{", bytes("{"), bytes('\ufeff{"id":1}'), Uint8Array.of(34, 255, 34)])("rejects %o", (text) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(TokenRecord.parse(text, invalid))).toBe("the record is not JSON, or is truncated")
    })
  )

  it.effect.each(['{"id":1}', bytes('{"id":1}')])("parses %o", (text) =>
    Effect.gen(function* () {
      expect(yield* TokenRecord.parse(text, invalid)).toEqual({ id: 1 })
    })
  )
})

describe("TokenRecord.decode", () => {
  it.effect.each([
    [{ id: "secret" }, "the record at $.id, expected number"],
    [{ id: 1, secret: 2 }, "the record an unknown field"],
    [{}, "the record at $.id, expected a value, which is missing"]
  ])("fails for %o without its content", ([value, message]) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(TokenRecord.decode(Item, value, invalid))).toBe(message)
    })
  )
})

describe("TokenRecord.encode", () => {
  it.effect("fails with WriteFailed for a value that does not match", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(TokenRecord.encode(Schema.Struct({ id: Schema.NonEmptyString }), { id: "" }))
      expect(error).toMatchObject({ reason: "WriteFailed", detail: expect.stringContaining("at $.id") })
    })
  )
})

describe("TokenRecord.foreignFormat", () => {
  const own = { format: "mine", versionField: "version", version: 2 }
  it.each([
    [{ format: "mine", version: 2 }, undefined],
    [{ format: "mine", version: 1 }, undefined],
    [{ format: "mine", version: 3 }, "newer"],
    [{ format: "mine", version: "3" }, undefined],
    [{ format: "yours", version: 3 }, "other"],
    [{ format: 1 }, undefined],
    [[], undefined],
    [null, undefined]
  ] as const)("returns for %o: %s", (value, expected) => {
    expect(TokenRecord.foreignFormat(value, own)).toBe(expected)
  })
})

describe("TokenRecord.hasLongText", () => {
  it.each([
    ["abcd", true],
    ["abc", false],
    [{ a: [{ b: "abcd" }] }, true],
    [{ a: ["abc", 12345, null] }, false]
  ] as const)("returns for %o: %s", (value, expected) => {
    expect(TokenRecord.hasLongText(value, 3)).toBe(expected)
  })
})
