/** Event streams over a mock transport: events, ends and limits. Reconnections: `ServerEvents.reconnect.test.ts`. */
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { allRenderings } from "./support/allRenderings.js"
import { api, run, runPromise } from "./support/mockApi.js"
import { bytes, outcome } from "./support/streams.js"

const type = { "content-type": "text/event-stream; charset=utf-8" }

const respond = (body: string | Stream.Stream<Uint8Array, unknown>) =>
  typeof body === "string" ? MockClient.respond(200, body, type) : MockClient.respondStream(200, body, type)

const Delta = Schema.Struct({ text: Schema.String })
const Failure = Schema.Struct({ why: Schema.String })

/** Reads the events of a body. */
const read = <
  S extends Schema.Schema.Any | undefined = undefined,
  const M extends ServerEvents.Schemas | undefined = undefined,
  const F extends ServerEvents.Schemas | undefined = undefined
>(
  body: string | Stream.Stream<Uint8Array, unknown>,
  options: ServerEvents.Options<S, M, F> & { readonly idle?: "10 seconds" } = {}
) => Effect.flatMap(api([respond(body)]), ({ api: client }) => outcome(ServerEvents.stream(client, "/x", options)))

const message = (data: string, id?: string) => ({ event: "message", data, id })

describe("ServerEvents.stream", () => {
  it.effect("sends accept, and returns events with their names and ids", () =>
    Effect.gen(function* () {
      const body = ": hello\n\ndata: a\n\nevent: named\nid: 7\ndata: b\ndata: c\n\nid: 8\n\ndata\n\ndata: unfinished"
      const { api: client, mock } = yield* api([respond(body)])
      const { error, values } = yield* outcome(ServerEvents.stream(client, "/x", {}))
      expect(error).toBeUndefined()
      expect(values).toEqual([message("a"), { event: "named", data: "b\nc", id: "7" }, message("")])
      expect((yield* mock.sent)[0]?.headers).toMatchObject({
        accept: "text/event-stream",
        "cache-control": "no-store"
      })
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("returns 200 000 small events of one chunk to Stream.runFold", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(Stream.make(bytes("data\n\n".repeat(200_000))))])
      const count = Stream.runFold(ServerEvents.stream(client, "/x", {}), 0, (number) => number + 1)
      expect(yield* run(count)).toBe(200_000)
    })
  )

  for (const [name, end] of Object.entries({ LF: "\n", CRLF: "\r\n", CR: "\r" })) {
    it(`returns the same events with ${name}, wherever the body is cut into chunks`, () =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(FastCheck.string({ unit: FastCheck.constantFrom("a", "é", "€", "🔑", " ", ":", "\ufeff") })),
          FastCheck.array(FastCheck.nat(9)),
          async (texts, cuts) => {
            const text = texts.map((one) => `event: é${end}: c${end}data: ${one}${end}${end}`).join("")
            const body = bytes(`\ufeff${text}`)
            const pieces: Array<Uint8Array> = []
            let at = 0
            for (const cut of cuts) pieces.push(body.subarray(at, (at += cut)))
            pieces.push(body.subarray(at))
            const { error, values } = await runPromise(read(Stream.fromIterable(pieces)))
            expect(error).toBeUndefined()
            expect(values).toEqual(texts.map((data) => ({ event: "é", data, id: undefined })))
          }
        ),
        { numRuns: 30 }
      ))

    it.effect(`returns an event with ${name} before further bytes arrive`, () =>
      Effect.gen(function* () {
        const body = Stream.concat(Stream.make(bytes(`data: a${end}${end}`)), Stream.never)
        const { api: client } = yield* api([respond(body)])
        const first = Stream.take(ServerEvents.stream(client, "/x", {}), 1)
        expect((yield* outcome(first)).values).toEqual([message("a")])
      })
    )
  }

  it.effect("decodes all events with schema, and events by name with events", () =>
    Effect.gen(function* () {
      const body =
        'event: delta\ndata: {"text":"a"}\n\nevent: constructor\ndata: no json\n\nevent: delta\ndata: {"text":"b"}\n\n'
      const named = yield* read(body, { events: { delta: Delta } })
      expect(named.values.map(({ data, event }) => [event, data.text])).toEqual([
        ["delta", "a"],
        ["delta", "b"]
      ])
      const all = yield* read('data: {"text":"a"}\n\n', { schema: Delta })
      expect(all.values).toEqual([{ event: "message", data: { text: "a" }, id: undefined }])
    })
  )

  it.effect("fails invalid data with InvalidResponse, after the events before", () =>
    Effect.gen(function* () {
      const json = yield* read('data: {"text":"a"}\n\ndata: SECRET-0123456789\n\n', { schema: Delta })
      expect(json.values).toHaveLength(1)
      expect(json.error).toMatchObject({ _tag: "InvalidResponse", reason: "Json" })
      const schema = yield* read('data: {"text":1}\n\n', { schema: Delta })
      expect(schema.error?.message).toContain(
        "the data of an event does not match the schema: at $.text, expected string"
      )
      for (const text of allRenderings(json.error)) expect(text).not.toContain("SECRET")
    })
  )

  it.effect("fails an event of failOn with EventError, and hides its data", () =>
    Effect.gen(function* () {
      const body = 'data: {"text":"a"}\n\nevent: error\ndata: {"why":"SECRET-0123456789"}\n\ndata: {"text":"b"}\n\n'
      const { error, values } = yield* read(body, { schema: Delta, failOn: { error: Failure } })
      expect(values).toHaveLength(1)
      expect(error).toBeInstanceOf(ServerEvents.EventError)
      if (error?._tag !== "EventError") return expect.unreachable()
      expect([error.event, error.data.why]).toEqual(["error", "SECRET-0123456789"])
      expect(error.message).toBe('GET https://api.test/v1/x: the server ended the stream with the event "error"')
      for (const text of allRenderings(error)) expect(text).not.toContain("SECRET")
    })
  )

  it.effect("ends at the last event, and closes the connection", () =>
    Effect.gen(function* () {
      const body = Stream.concat(Stream.make(bytes("data: a\n\ndata: [DONE]\n\ndata: b\n\n")), Stream.never)
      expect(yield* read(body, { until: "[DONE]" })).toEqual({ values: [message("a")], error: undefined })
      const done = (event: ServerEvents.ServerEvent<string, string>) => event.event === "done"
      const named = Stream.concat(Stream.make(bytes("data: a\n\nevent: done\ndata: b\n\n")), Stream.never)
      const { api: client, mock } = yield* api([respond(named)])
      const { error, values } = yield* outcome(ServerEvents.stream(client, "/x", { until: done }))
      expect(error).toBeUndefined()
      expect(values).toEqual([message("a"), { event: "done", data: "b", id: undefined }])
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("fails an end without the last event with Truncated", () =>
    Effect.gen(function* () {
      const { error, values } = yield* read("data: a\n\n", { until: "[DONE]" })
      expect(values).toHaveLength(1)
      expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated" })
    })
  )

  it.effect("fails a silence with BodyTimeout after idle, in which comments do not count as silence", () =>
    Effect.gen(function* () {
      const comments = Stream.repeatEffect(Effect.delay(Effect.succeed(bytes(": ping\n")), "9 seconds"))
      const body = Stream.concat(Stream.take(comments, 5), Stream.never)
      const { error } = yield* run(read(body, { idle: "10 seconds", reconnect: "never" }))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "BodyTimeout" })
      expect(yield* TestClock.currentTimeMillis).toBe(55_000)
    })
  )

  it.effect("limits an event, whatever its lines and chunks", () =>
    Effect.gen(function* () {
      for (const [line, name] of [
        ["x".repeat(1000), "one line"],
        ["data: xxxxxxxx\n", "many lines"],
        ["data\n", "empty lines"]
      ] as const) {
        let bytesRead = 0
        const endless = Stream.repeatEffect(
          Effect.sync(() => {
            bytesRead += line.length
            return bytes(line)
          })
        )
        const { error } = yield* read(endless, { maxEventSize: 5000 })
        expect([name, error?._tag]).toEqual([name, "BodyTooLarge"])
        expect(bytesRead).toBeLessThan(30_000)
      }
      const whole = yield* read(`data: a\n\ndata: ${"x".repeat(100)}\n\n`, { maxEventSize: 99 })
      expect([whole.values.length, whole.error?._tag]).toEqual([1, "BodyTooLarge"])
      expect((yield* read(`data: ${"x".repeat(100)}\n\n`, { maxEventSize: 100 })).values).toHaveLength(1)
    })
  )

  it.effect("ends after a 204, and fails another content type", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([
        MockClient.respond(204),
        MockClient.respond(204),
        MockClient.respond(200, "<html>", { "content-type": "text/html" }),
        MockClient.respond(200)
      ])
      expect(yield* outcome(ServerEvents.stream(client, "/x", {}))).toEqual({ values: [], error: undefined })
      const incomplete = yield* outcome(ServerEvents.stream(client, "/x", { until: "[DONE]" }))
      expect(incomplete.error).toMatchObject({ reason: "Truncated" })
      const page = yield* outcome(ServerEvents.stream(client, "/x", {}))
      expect(page.error).toMatchObject({ _tag: "InvalidResponse" })
      expect(page.error?.message).toContain("the content type is text/html, and not text/event-stream")
      expect((yield* outcome(ServerEvents.stream(client, "/x", {}))).error?._tag).toBe("InvalidResponse")
    })
  )

  it.effect("retries a 503 before the stream, and fails a status with its error", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([
        MockClient.respond(503),
        respond("data: a\n\n"),
        MockClient.respond(404, "{}")
      ])
      expect((yield* run(outcome(ServerEvents.stream(client, "/x", {})))).values).toHaveLength(1)
      expect((yield* outcome(ServerEvents.stream(client, "/x", {}))).error?._tag).toBe("ClientError")
    })
  )

  it.effect("rejects unknown options, and values of another kind", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([])
      const messages: Array<string> = []
      for (const options of [
        { event: {} },
        { schema: Delta, events: { delta: Delta } },
        { events: { delta: "Delta" } },
        { until: 1 },
        { reconnect: true },
        { lastEventId: "a\nb" },
        { maxEventSize: 0 }
      ]) {
        const wrong = options as object as { readonly lastEventId: string } // As JavaScript may pass them.
        messages.push(String((yield* outcome(ServerEvents.stream(client, "/x", wrong))).error?.message))
      }
      expect(messages).toMatchInlineSnapshot(`
        [
          "Invalid options: \`ServerEvents.stream\` has no option \`event\`. Did you mean \`events\`?",
          "Invalid options: \`schema\` and \`events\` are both set. Pass one of them.",
          "Invalid options: \`events\` is an object of another kind. Pass schemas by the names of events, such as \`{ message: Message }\`.",
          "Invalid options: \`until\` is 1. Pass the data of the last event, such as "[DONE]", or a predicate.",
          "Invalid options: \`reconnect\` is true. Pass "resume", "always" or "never".",
          "Invalid options: \`lastEventId\` is a text of another form. Pass an id of at most 4096 bytes, without control characters and without white space at its ends.",
          "Invalid options: \`maxEventSize\` is 0. Pass a number above 0.",
        ]
      `)
      expect(yield* mock.sent).toEqual([])
    })
  )
})

describe("ServerEvents.fromResponse", () => {
  /** Opens a response with this body, and reads its events. */
  const readOpened = <F extends ServerEvents.Schemas | undefined = undefined>(
    step: MockClient.Step,
    options: ServerEvents.ReadOptions<undefined, undefined, F> = {}
  ) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([step])
      const opened = yield* client.open("/x", { method: "POST", json: {} })
      const events = ServerEvents.fromResponse(opened, options)
      const { error, values } = yield* outcome(events)
      const again = yield* outcome(events)
      return { error, values, again, sent: (yield* mock.sent).length, released: (yield* mock.released).length }
    }).pipe(Effect.scoped)

  it.effect("returns the events of a response once, and releases it", () =>
    Effect.gen(function* () {
      const { again, error, released, sent, values } = yield* readOpened(respond("data: a\n\nid: 7\ndata: b\n\n"))
      expect([error, values]).toEqual([undefined, [message("a"), message("b", "7")]])
      expect([sent, released]).toEqual([1, 1])
      expect(again).toMatchObject({ values: [], error: { _tag: "TransportError", reason: "Unknown" } })
    })
  )

  it.effect("decodes events, and ends with the last one", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond('data: {"text":"a"}\n\ndata: [DONE]\n\ndata: late\n\n')])
      const opened = yield* client.open("/x")
      const events = ServerEvents.fromResponse(opened, { schema: Delta, until: "[DONE]" })
      expect((yield* outcome(events)).values).toEqual([{ ...message(""), data: { text: "a" } }])
    }).pipe(Effect.scoped)
  )

  it.effect.each<readonly [string, MockClient.Step, ServerEvents.ReadOptions<undefined, undefined, undefined>, object]>(
    [
      ["another content type", MockClient.respond(200, {}), {}, { _tag: "InvalidResponse" }],
      [
        "a body that breaks off, although its last event has an id",
        MockClient.truncated(200, "id: 1\ndata: a\n\nda", { headers: type }),
        {},
        { _tag: "TransportError", reason: "Truncated" }
      ],
      ["a missing last event", respond("data: a\n\n"), { until: "z" }, { _tag: "TransportError", reason: "Truncated" }],
      ["a large event", respond("data: abcdef\n\n"), { maxEventSize: 5 }, { _tag: "BodyTooLarge", limit: 5 }],
      ["an invalid option", respond(""), { maxEventSize: 0 }, { _tag: "InvalidRequest", reason: "Options" }]
    ]
  )("fails for %s, and sends no other request", ([_, step, options, expected]) =>
    Effect.gen(function* () {
      const { error, sent } = yield* readOpened(step, options)
      expect(error).toMatchObject(expected)
      expect(sent).toBe(1)
    })
  )

  it.effect("fails with the data of an event of failOn", () =>
    Effect.gen(function* () {
      const { error } = yield* readOpened(respond('event: error\ndata: {"why":"full"}\n\n'), {
        failOn: { error: Failure }
      })
      expect(error).toMatchObject({ _tag: "EventError", data: { why: "full" } })
    })
  )

  it.effect("rejects options of `stream` that open responses", () =>
    Effect.gen(function* () {
      // The type rejects them.
      const { error } = yield* readOpened(respond(""), { reconnect: "never" } as never)
      expect(error).toMatchObject({ _tag: "InvalidRequest", message: expect.stringContaining("reconnect") })
    })
  )
})
