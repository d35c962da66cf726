/** `api.open` over a mock transport: the pipeline up to the header, and the body within its scope. */
import * as Auth from "@countersign/client/Auth"
import * as Errors from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, requestTimes, run } from "./support/mockApi.js"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const textOf = <E>(stream: Stream.Stream<Uint8Array, E>): Effect.Effect<string, E> =>
  Stream.mkString(Stream.decodeText(stream))

const replaying: Auth.Service = {
  ...Auth.none,
  sign: (request) => Effect.succeed({ request, credential: 1 }),
  onRejected: () => Effect.succeed(true)
}

/** One piece, and then nothing. */
const silent = Stream.concat(Stream.make(bytes("a")), Stream.never)

describe("open", () => {
  it.effect("returns the header, and streams the body", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([MockClient.respond(200, "hello", { "x-a": "1" })])
      const opened = yield* client.open("/x/{id}", { path: { id: 1 }, query: { a: "b" } })
      expect({ method: opened.method, url: opened.url, status: opened.status }).toEqual({
        method: "GET",
        url: "https://api.test/v1/x/1?a=<redacted>",
        status: 200
      })
      expect(opened.headers["x-a"]).toBe("1")
      expect(yield* textOf(opened.stream)).toBe("hello")
      expect(JSON.stringify(opened)).not.toContain("hello")
      expect((yield* mock.released).map(({ how }) => how)).toEqual(["drained"])
    }).pipe(Effect.scoped)
  )

  it.effect("sends a POST with its JSON", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([MockClient.respond(200, "ok")])
      yield* client.open("/x", { method: "POST", json: { a: 1 } })
      expect((yield* mock.sent).map(({ json, method }) => [method, json])).toEqual([["POST", { a: 1 }]])
    }).pipe(Effect.scoped)
  )

  it.effect("retries a 503, replays a 401, and follows a redirect", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(
        [
          MockClient.respond(503),
          MockClient.respond(401),
          MockClient.respond(302, undefined, { location: "/v1/y" }),
          MockClient.respond(200, "moved")
        ],
        { auth: replaying }
      )
      const opened = yield* run(client.open("/x"))
      expect([opened.url, yield* textOf(opened.stream)]).toEqual(["https://api.test/v1/y", "moved"])
      expect(yield* requestTimes(mock)).toHaveLength(4)
      expect(yield* mock.released).toHaveLength(4)
    }).pipe(Effect.scoped)
  )

  it.effect("decodes the body of an error", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([MockClient.respond(404, { why: "gone" })])
      const error = yield* Effect.flip(client.open("/x", { errorSchema: Schema.Struct({ why: Schema.String }) }))
      expect(error._tag === "ClientError" && error.body).toEqual({ why: "gone" })
      expect(yield* mock.released).toHaveLength(1)
    }).pipe(Effect.scoped)
  )

  it.effect("bounds the time to the header by the call timeout, and not the body", () =>
    Effect.gen(function* () {
      const slow = Stream.concat(
        Stream.fromEffect(Effect.delay(Effect.succeed(bytes("a")), "50 seconds")),
        Stream.fromEffect(Effect.delay(Effect.succeed(bytes("b")), "50 seconds"))
      )
      const { api: client } = yield* api([MockClient.never, MockClient.respondStream(200, slow)])
      const timeout = { call: "5 seconds" } as const
      const error = yield* run(Effect.flip(client.open("/x", { timeout, retry: false })))
      expect(error).toMatchObject({ _tag: "Timeout", scope: "call" })
      const opened = yield* client.open("/x", { timeout })
      expect(yield* run(textOf(opened.stream))).toBe("ab")
    }).pipe(Effect.scoped)
  )

  it.effect("ends the call at the header in the timeline", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([MockClient.respondStream(200, silent)])
      const { events } = yield* Timeline.record(client.open("/x"))
      expect(events.map(({ _tag }) => _tag)).toEqual(["CallStarted", "RequestSent", "ResponseReceived", "CallEnded"])
    }).pipe(Effect.scoped)
  )
})

describe("idle", () => {
  for (const [name, options, expected] of [
    ["60 seconds by default", {}, 60_000],
    ["the given time", { idle: "5 minutes" }, 300_000]
  ] as const) {
    it.effect(`fails a silent body with BodyTimeout after ${name}, and releases it`, () =>
      Effect.gen(function* () {
        const { api: client, mock } = yield* api([MockClient.respondStream(200, silent)])
        const opened = yield* client.open("/x", options)
        const error = yield* run(Effect.flip(Stream.runDrain(opened.stream)))
        expect(error).toBeInstanceOf(Errors.TransportError)
        expect(error).toMatchObject({ reason: "BodyTimeout", sent: "maybe" })
        expect(yield* TestClock.currentTimeMillis).toBe(expected)
        expect(yield* mock.released).toHaveLength(1)
      }).pipe(Effect.scoped)
    )
  }

  it.effect("starts anew with each piece, and is off with false", () =>
    Effect.gen(function* () {
      const drip = (seconds: number) =>
        Stream.repeatEffect(Effect.delay(Effect.succeed(bytes("x")), `${seconds} seconds`)).pipe(Stream.take(3))
      const { api: client } = yield* api([
        MockClient.respondStream(200, drip(59)),
        MockClient.respondStream(200, drip(10_000))
      ])
      const first = yield* client.open("/x")
      expect(yield* run(textOf(first.stream))).toBe("xxx")
      const second = yield* client.open("/x", { idle: false })
      expect(yield* run(textOf(second.stream))).toBe("xxx")
    }).pipe(Effect.scoped)
  )

  it.effect("does not run while the reader is busy", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([MockClient.respondStream(200, Stream.make(bytes("a"), bytes("b")))])
      const opened = yield* client.open("/x")
      const slow = Stream.tap(opened.stream, () => Effect.sleep("1 hour"))
      expect(yield* run(textOf(slow))).toBe("ab")
    }).pipe(Effect.scoped)
  )

  it.effect("rejects another value", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([])
      for (const idle of [-1, 0, "soon", {}]) {
        const error = yield* Effect.flip(client.open("/x", { idle: idle as unknown as number })) // As JavaScript may pass it.
        expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
        expect(error.message).toContain("`idle`")
      }
    }).pipe(Effect.scoped)
  )
})

describe("stream", () => {
  const uses = ["unread", "take", "interrupted", "forEach fails", "forEach interrupted"] as const

  const released = (use: (typeof uses)[number]) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([MockClient.respondStream(200, silent)])
      yield* Effect.scoped(
        Effect.gen(function* () {
          const opened = yield* client.open("/x")
          if (use === "take") yield* Stream.runDrain(Stream.take(opened.stream, 1))
          if (use === "forEach fails") yield* Effect.flip(opened.forEach(() => Effect.fail("enough")))
          if (use === "interrupted" || use === "forEach interrupted") {
            const started = yield* Deferred.make<void>()
            const onPiece = () => Deferred.succeed(started, undefined)
            const reading = use === "interrupted" ? Stream.runForEach(opened.stream, onPiece) : opened.forEach(onPiece)
            const fiber = yield* Effect.fork(reading)
            yield* Deferred.await(started)
            yield* Fiber.interrupt(fiber)
          }
          if (use !== "unread") expect(yield* mock.released).toHaveLength(1)
        })
      )
      return yield* mock.released
    })

  for (const use of uses) {
    it.effect(`releases the body once (${use})`, () =>
      Effect.map(released(use), (events) => {
        expect(events).toHaveLength(1)
        expect(["cancelled", "aborted"]).toContain(events[0]?.how)
      })
    )
  }

  it.effect("cuts the body when its scope closes during the reading", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([MockClient.respondStream(200, silent)])
      const started = yield* Deferred.make<void>()
      const fiber = yield* Effect.scoped(
        Effect.gen(function* () {
          const { stream } = yield* client.open("/x")
          const reading = Stream.runForEach(stream, () => Deferred.succeed(started, undefined))
          const forked = yield* Effect.forkDaemon(reading)
          yield* Deferred.await(started)
          return forked
        })
      )
      expect(yield* mock.released).toHaveLength(1)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("rejects a second reader, and a reader after the scope", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([MockClient.respond(200, "a"), MockClient.respond(200, "a")])
      const opened = yield* client.open("/x")
      yield* Stream.runDrain(opened.stream)
      const again = yield* Effect.flip(Stream.runDrain(opened.stream))
      expect(again.message).toContain("already read")
      const { stream } = yield* Effect.scoped(client.open("/x"))
      const late = yield* Effect.flip(Stream.runDrain(stream))
      expect(late.message).toContain("scope")
    }).pipe(Effect.scoped)
  )

  it.effect("fails with Truncated when it breaks off, after the pieces before", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([MockClient.truncated(200, "part")])
      const { stream } = yield* client.open("/x")
      const pieces: Array<string> = []
      const reading = Stream.runForEach(Stream.decodeText(stream), (piece) => Effect.sync(() => pieces.push(piece)))
      const error = yield* Effect.flip(reading)
      expect([pieces, error._tag, error.reason]).toEqual([["part"], "TransportError", "Truncated"])
    }).pipe(Effect.scoped)
  )

  it.effect("returns an empty body for HEAD, 204 and a response without a body", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([
        MockClient.respond(200, "x"),
        MockClient.respond(204),
        MockClient.respond(200)
      ])
      for (const method of ["HEAD", "GET", "GET"]) {
        const { stream } = yield* client.open("/x", { method })
        expect(yield* textOf(stream)).toBe("")
      }
    }).pipe(Effect.scoped)
  )
})

describe("open options", () => {
  it.effect("rejects unknown options when the call runs", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([])
      const messages = []
      for (const options of [
        { idel: 1 },
        { maxBodySize: 1 },
        { schema: Schema.String },
        { json: 1 },
        { method: "get" }
      ]) {
        const error = yield* Effect.flip(client.open("/x", options as object)) // As JavaScript may pass them.
        messages.push(error.message)
      }
      expect(messages).toMatchInlineSnapshot(`
        [
          "Invalid options: a GET call has no option \`idel\`. Remove it.",
          "Invalid options: a GET call has no option \`maxBodySize\`. Remove it.",
          "Invalid options: a GET call has no option \`schema\`. Remove it.",
          "Invalid options: a GET call has no option \`json\`. Remove it.",
          "The request was not sent: the method is not an HTTP token in capitals. Pass one such as PROPFIND.",
        ]
      `)
      expect(yield* mock.sent).toEqual([])
    }).pipe(Effect.scoped)
  )
})
