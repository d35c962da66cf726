/** Streams of JSON lines over a mock transport. */
import * as JsonCodec from "@countersign/client/JsonCodec"
import * as JsonLines from "@countersign/client/JsonLines"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, run, runPromise } from "./support/mockApi.js"
import { bytes, outcome } from "./support/streams.js"

const Item = Schema.Struct({ id: Schema.Number })

const overLines = (
  body: string | Stream.Stream<Uint8Array, unknown>,
  options: Partial<JsonLines.Options<typeof Item>> & { readonly idle?: "1 minute" } = {}
) =>
  Effect.flatMap(
    api([typeof body === "string" ? MockClient.respond(200, body) : MockClient.respondStream(200, body)]),
    ({ api: client }) => outcome(JsonLines.stream(client, "/x", { schema: Item, ...options }))
  )

describe("JsonLines.stream", () => {
  it.effect("sends accept, and decodes each line", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([MockClient.respond(200, '{"id":1}\r\n\n  \n{"id":2}')])
      const read = outcome(JsonLines.stream(client, "/x/{id}", { schema: Item, path: { id: 1 }, query: { a: 1 } }))
      expect(yield* read).toEqual({ values: [{ id: 1 }, { id: 2 }], error: undefined })
      const [sent] = yield* mock.sent
      expect(sent).toMatchObject({ method: "GET", url: "https://api.test/v1/x/1?a=1" })
      expect(sent?.headers["accept"]).toBe("application/x-ndjson, application/jsonl, application/json;q=0.5")
      expect((yield* mock.released).map(({ how }) => how)).toEqual(["drained"])
    })
  )

  it.effect("sends the header fields of the caller", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([MockClient.respond(200, "")])
      yield* outcome(JsonLines.stream(client, "/x", { schema: Item, headers: { Accept: "text/plain", "x-a": "1" } }))
      expect((yield* mock.sent)[0]?.headers).toMatchObject({ accept: "text/plain", "x-a": "1" })
    })
  )

  it("decodes the same values wherever the body is cut into chunks", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(FastCheck.tuple(FastCheck.string({ unit: "binary" }), FastCheck.constantFrom("\n", "\r\n"))),
        FastCheck.array(FastCheck.nat(40)),
        async (lines, cuts) => {
          const body = bytes(lines.map(([text, end]) => JSON.stringify(text) + end).join(""))
          const pieces: Array<Uint8Array> = []
          let at = 0
          for (const cut of cuts) pieces.push(body.subarray(at, (at += cut)))
          pieces.push(body.subarray(at))
          const read = await runPromise(
            Effect.flatMap(api([MockClient.respondStream(200, Stream.fromIterable(pieces))]), ({ api: client }) =>
              outcome(JsonLines.stream(client, "/x", { schema: Schema.String }))
            )
          )
          expect(read).toEqual({
            values: lines.map(([text]) => text.replace(/[\ud800-\udfff]/gu, "\ufffd")),
            error: undefined
          })
        }
      ),
      { numRuns: 40 }
    ))

  it.effect("emits the values before an invalid line, and names the line", () =>
    Effect.gen(function* () {
      const json = yield* overLines('{"id":1}\n\n{"id":2}\nnope\n{"id":3}')
      expect(json.values).toEqual([{ id: 1 }, { id: 2 }])
      expect(json.error).toMatchObject({ _tag: "InvalidResponse", reason: "Json", status: 200 })
      expect(json.error?.message).toContain("line 4 is not JSON")
      const schema = yield* overLines('{"id":1}\n{"id":"secret"}')
      expect(schema.values).toEqual([{ id: 1 }])
      expect(schema.error?.message).toContain("line 2 does not match the schema: at $.id, expected number")
      expect(schema.error?.message).not.toContain("secret")
    })
  )

  it.effect("fails a cut body with Truncated, after the complete lines", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([MockClient.truncated(200, '{"id":1}\n{"id":2}')])
      const read = yield* outcome(JsonLines.stream(client, "/x", { schema: Item }))
      expect(read).toMatchObject({ values: [{ id: 1 }], error: { _tag: "TransportError", reason: "Truncated" } })
    })
  )

  it.effect("fails a silent body after idle", () =>
    Effect.gen(function* () {
      const silent = Stream.concat(Stream.make(bytes('{"id":1}\n')), Stream.never)
      const read = yield* run(overLines(silent, { idle: "1 minute" }))
      expect(read).toMatchObject({ values: [{ id: 1 }], error: { reason: "BodyTimeout" } })
      expect(yield* TestClock.currentTimeMillis).toBe(60_000)
    })
  )

  it.effect("limits a line, whatever its chunks", () =>
    Effect.gen(function* () {
      const line = '{"id":1}'
      for (const end of ["\n", "\r\n", ""]) {
        expect((yield* overLines(line + end, { maxLineSize: 8 })).values).toEqual([{ id: 1 }])
        expect((yield* overLines(line + end, { maxLineSize: 7 })).error).toMatchObject({
          _tag: "BodyTooLarge",
          limit: 7
        })
      }
      let pulled = 0
      const endless = Stream.repeatEffect(Effect.sync(() => (pulled++, bytes("x".repeat(1000)))))
      const read = yield* overLines(endless)
      expect(read.error).toMatchObject({ _tag: "BodyTooLarge", limit: 1024 * 1024 })
      expect(pulled).toBeLessThan(1100)
    })
  )

  it.effect("closes the body when its reader stops", () =>
    Effect.gen(function* () {
      const body = Stream.concat(Stream.make(bytes('{"id":1}\n{"id":2}\n')), Stream.never)
      const { api: client, mock } = yield* api([MockClient.respondStream(200, body)])
      const read = Stream.take(JsonLines.stream(client, "/x", { schema: Item }), 1)
      expect((yield* outcome(read)).values).toEqual([{ id: 1 }])
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("retries a 503 before the stream, and fails a status with its error", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([MockClient.respond(503), MockClient.respond(200, '{"id":1}')])
      expect((yield* run(outcome(JsonLines.stream(client, "/x", { schema: Item })))).values).toEqual([{ id: 1 }])
      const { api: other } = yield* api([MockClient.respond(404, { why: "gone" })])
      const errorSchema = Schema.Struct({ why: Schema.String })
      const { error } = yield* outcome(JsonLines.stream(other, "/x", { schema: Item, errorSchema }))
      expect(error?._tag === "ClientError" && error.body).toEqual({ why: "gone" })
    })
  )

  it.effect("parses with the codec of the client, and fails nesting without end", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([MockClient.respond(200, "9007199254740993")], { json: JsonCodec.bigInt })
      const big = yield* outcome(JsonLines.stream(client, "/x", { schema: Schema.BigIntFromSelf }))
      expect(big.values).toEqual([9007199254740993n])
      type Deep = ReadonlyArray<Deep>
      const Nested: Schema.Schema<Deep> = Schema.suspend(() => Schema.Array(Nested))
      const { api: other } = yield* api([MockClient.respond(200, "[".repeat(20_000) + "]".repeat(20_000))])
      const deep = yield* outcome(JsonLines.stream(other, "/x", { schema: Nested }))
      expect(deep.error).toMatchObject({ _tag: "InvalidResponse", reason: "Schema" })
    })
  )

  it.effect("rejects unknown options, and values of another kind", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([])
      const messages: Array<string> = []
      for (const options of [{ schema: Item, maxLinesize: 1 }, {}, { schema: Item, maxLineSize: "1" }, null]) {
        const wrong = options as unknown as { readonly schema: typeof Item } // As JavaScript may pass them.
        const { error } = yield* outcome(JsonLines.stream(client, "/x", wrong))
        messages.push(String(error?.message))
      }
      expect(messages).toMatchInlineSnapshot(`
        [
          "Invalid options: \`JsonLines.stream\` has no option \`maxLinesize\`. Did you mean \`maxLineSize\`?",
          "Invalid options: \`schema\` is missing. Pass a schema, such as \`Schema.Struct({ id: Schema.Number })\`.",
          "Invalid options: \`maxLineSize\` is a text of another form. Pass a number above 0.",
          "Invalid options: \`JsonLines.stream\` needs an object of options.",
        ]
      `)
      expect(yield* mock.sent).toEqual([])
    })
  )
})
