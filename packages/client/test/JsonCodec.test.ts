import * as JsonCodec from "@countersign/client/JsonCodec"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { api, failure, run } from "./support/mockApi.js"

const { parse, stringify } = JsonCodec.bigInt

describe("JsonCodec.bigInt", () => {
  it("parses integers beyond 2^53 as bigint, and everything else as JSON does", () => {
    expect(parse('{"id": 9007199254740993, "n": [-12345678901234567890, 1.5, 9007199254740991, 1e30]}')).toEqual({
      id: 9007199254740993n,
      n: [-12345678901234567890n, 1.5, 9007199254740991, 1e30]
    })
    expect(parse('"12345678901234567890 \\" 12345678901234567890"')).toBe('12345678901234567890 " 12345678901234567890')
    expect(parse('{"12345678901234567890": 12345678901234567890}')).toEqual({
      "12345678901234567890": 12345678901234567890n
    })
  })

  it("rejects what is not JSON", () => {
    for (const text of ["", "{", "12345678901234567890 1", "-", "01234567890123456789", "[12345678901234567890,]"]) {
      expect(() => parse(text)).toThrow(SyntaxError)
    }
  })

  /** `JSON.stringify` writes integers up to 10^21 with all digits. */
  const hasLargeInteger = (value: unknown): boolean => {
    if (typeof value === "object" && value !== null) return Object.values(value).some(hasLargeInteger)
    return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(Number(value)) < 1e21
  }

  it("agrees with JSON for values without large integers", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.json(), (text) => {
        FastCheck.pre(!hasLargeInteger(JSON.parse(text)))
        expect(parse(text)).toEqual(JSON.parse(text))
        const value: unknown = JSON.parse(text)
        expect(stringify(value)).toBe(JSON.stringify(value))
      }),
      { numRuns: 1000 }
    )
  })

  it("writes and parses any integer unchanged", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.bigInt(), FastCheck.string(), (id, text) => {
        const isSafe = Number.isSafeInteger(Number(id))
        expect(parse(stringify({ id, text: `${text}${id}` }))).toEqual({
          id: isSafe ? Number(id) : id,
          text: `${text}${id}`
        })
      })
    )
  })

  it("takes linear time for a text of many quotes and digits", () => {
    const start = process.cpuUsage()
    expect(() => parse(`[12345678901234567890, "${'\\"1'.repeat(300_000)}`)).toThrow(SyntaxError)
    parse(`["${'\\"12345678901234567890'.repeat(30_000)}", 12345678901234567890]`)
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000)
  })

  it.effect("serves both directions of a call", () =>
    Effect.gen(function* () {
      const Item = Schema.Struct({ id: Schema.BigIntFromSelf })
      const { api: client, mock } = yield* api(
        [MockClient.respond(200, '{"id":12345678901234567890}'), MockClient.respond(200, "{")],
        { json: JsonCodec.bigInt }
      )
      const item = yield* run(client.post("/x", { json: { id: 98765432109876543210n }, schema: Item }))
      expect(item.id).toBe(12345678901234567890n)
      expect((yield* mock.sent)[0]?.body).toBe('{"id":98765432109876543210}')
      expect(yield* failure(client.get("/x", { schema: Item }))).toMatchObject({
        _tag: "InvalidResponse",
        reason: "Json"
      })
    })
  )
})
