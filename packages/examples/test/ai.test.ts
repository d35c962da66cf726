/** `@effect/ai-anthropic` on the pipeline, against scripted responses of the API. */
import * as ApiLog from "@countersign/client/ApiLog"
import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import * as Ai from "../src/ai-client.js"
import { config, expectShown, printed } from "./support/shownOutput.js"

const { respond } = MockClient
const sent = Effect.flatMap(MockClient.MockClient, (mock) => mock.sent)

const keys = { ANTHROPIC_KEY: "key-of-today", ANTHROPIC_NEXT_KEY: "key-of-tomorrow" }

const messageOf = (...texts: ReadonlyArray<string>) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  content: texts.map((text) => ({ type: "text", text, citations: null })),
  model: "claude-sonnet-4-5",
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 5, output_tokens: 7 }
})

const errorOf = (type: string) => ({ type: "error", error: { type, message: `This is ${type}.` }, request_id: "req_1" })

const events: ReadonlyArray<{ readonly type: string; readonly [member: string]: unknown }> = [
  { type: "message_start", message: { ...messageOf(), stop_reason: null } },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Less blue" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: " reaches us." } },
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 5 } },
  { type: "message_stop" }
]
const streamed = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
const headers = { "content-type": "text/event-stream" }

const good = respond(200, messageOf("Rayleigh scattering."))
const limited = (seconds: number) => respond(429, errorOf("rate_limit_error"), { "retry-after": String(seconds) })
const overloaded = respond(529, errorOf("overloaded_error"))
const rejected = respond(401, errorOf("authentication_error"))

/** Runs a program against a script. The clock moves as far as it waits. */
const run = <A, E>(script: MockClient.Script, effect: Effect.Effect<A, E, Layer.Layer.Success<typeof Ai.ModelLive>>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("5 minutes")
    return { exit: yield* Fiber.await(fiber), requests: yield* sent }
  }).pipe(Effect.provide(Layer.provideMerge(Ai.ModelLive, MockClient.layer(script))), config(keys))

const keysOf = (requests: ReadonlyArray<MockClient.Sent>) => requests.map((request) => request.headers["x-api-key"])
const idsOf = (requests: ReadonlyArray<MockClient.Sent>) =>
  requests.map((request) => request.headers["idempotency-key"])

describe("ai-client.ts", () => {
  it.effect("retries a 429 after its wait and a 529 with the same idempotency key, and streams an answer", () =>
    Effect.gen(function* () {
      const script = [limited(20), good, overloaded, respond(200, streamed.join(""), headers)]
      const { exit, requests } = yield* run(script, printed(Ai.program))
      expectShown("ai-client.ts", yield* exit)
      expect(requests.length).toBe(4)
      expect(requests[1]!.at).toBeGreaterThanOrEqual(20_000)
      const [a, b, c, d] = idsOf(requests)
      expect([a === b, b === c, c === d]).toEqual([true, false, true])
    })
  )

  it.effect("delivers the first part of a stream before the last one exists", () =>
    Effect.gen(function* () {
      const script = [MockClient.truncated(200, streamed.slice(0, 3).join(""), { headers })]
      const parts: Array<string> = []
      const { exit, requests } = yield* run(
        script,
        Stream.runForEach(Ai.answerParts("Hi"), (part) => Effect.sync(() => parts.push(part)))
      )
      expect(yield* Effect.flip(exit)).toMatchObject({ _tag: "HttpResponseError", reason: "Decode" })
      expect([parts, requests.length]).toEqual([["Less blue"], 1])
    })
  )

  it.effect("delays the other calls of the account until the time of a 429", () =>
    Effect.gen(function* () {
      const both = Effect.all([Ai.answer("1"), Effect.delay(Ai.answer("2"), "5 seconds")], { concurrency: 2 })
      const { exit, requests } = yield* run([limited(20), good, good], both)
      expect((yield* exit).length).toBe(2)
      expect(requests.map(({ at }) => at >= 20_000)).toEqual([false, true, true])
    })
  )

  it.effect("sends the next key after a 401, and continues with it", () =>
    Effect.gen(function* () {
      const both = Effect.all([Ai.answer("1"), Ai.answer("2")])
      const { exit, requests } = yield* run([rejected, good, good], both)
      expect((yield* exit).length).toBe(2)
      expect(keysOf(requests)).toEqual(["key-of-today", "key-of-tomorrow", "key-of-tomorrow"])
    })
  )

  it.effect("says when to ask again, without another request", () =>
    Effect.gen(function* () {
      const both = Effect.all([Effect.flip(Ai.answer("1")), Ai.answerOrTime("2")])
      const { exit, requests } = yield* run([limited(600)], both)
      const [error, time] = yield* exit
      expect(error).toMatchObject({ _tag: "HttpResponseError", response: { status: 429 } })
      expect([DateTime.isDateTime(time) && DateTime.toEpochMillis(time), requests.length]).toEqual([600_000, 1])
    })
  )

  it.effect("shows no key in log lines, events and spans of failed and successful calls", () =>
    Effect.gen(function* () {
      const shown: Array<unknown> = []
      const logger = Logger.make<unknown, void>((line) => void shown.push(line.message, line.annotations, line.cause))
      const native = yield* Effect.tracer
      const tracer = Tracer.make({
        span: (...args) => {
          const span = native.span(...args)
          shown.push(span)
          return span
        },
        context: (f) => f()
      })
      const calls = Effect.all([
        Effect.exit(Ai.answer("1")),
        Ai.answer("2"),
        Stream.runDrain(Ai.answerParts("3"))
      ]).pipe(
        Timeline.observe((event) => shown.push(event)),
        Effect.provide(Layer.merge(ApiLog.layer({ headers: ["x-api-key"] }), Logger.minimumLogLevel(LogLevel.All))),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Effect.withTracer(tracer)
      )
      const { exit } = yield* run([rejected, rejected, good, respond(200, streamed.join(""), headers)], calls)
      yield* exit
      const text = inspect(shown, { depth: 20, maxArrayLength: null, maxStringLength: null })
      for (const part of ["← 401", "CallEnded", "http.request.method"]) expect(text).toContain(part)
      expect(text).not.toContain("key-of")
    })
  )

  it.effect.each<readonly [string, MockClient.Script]>([
    ["both keys are rejected", [rejected, rejected]],
    ["the request is invalid", [respond(400, errorOf("invalid_request_error"))]],
    ["the connection breaks", [1, 2, 3].map(() => MockClient.fail("ECONNRESET"))],
    ["the answer is not that of the API", [respond(200, { key: "none" })]]
  ])("shows no key in its error if %s", ([_, script]) =>
    Effect.gen(function* () {
      const { exit } = yield* run(script, Ai.answer("Hi"))
      const error = yield* Effect.flip(exit)
      const texts = [error.message, String(error), JSON.stringify(error), inspect(error, { depth: 20 })]
      for (const text of [...texts, inspect(exit, { depth: 20 })]) expect(text).not.toContain("key-of")
    })
  )
})
