// The exchange's bound over a transport that can be asked directly: under the live clock, as nothing else takes this way.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

const request = HttpClientRequest.get("https://api.test/x?key=canary")

type Outcome = Parameters<Parameters<Transport.Direct<HttpClientError.HttpClientError>>[1]>[0]

/** A transport that keeps what it was asked, and answers when it is told to. */
const scripted = (answerAtOnce?: Outcome) => {
  const asked: Array<{ readonly answered: (outcome: Outcome) => void; cancelled: number }> = []
  const stepwise = { sends: 0 }
  const client = HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((sent) => {
      stepwise.sends++
      return Effect.succeed(HttpClientResponse.fromWeb(sent, new Response("stepwise")))
    }),
    Effect.succeed
  )
  const direct: Transport.Direct<HttpClientError.HttpClientError> = (sent, answered) => {
    if (sent.body._tag === "Stream") return undefined
    const one = { answered, cancelled: 0 }
    asked.push(one)
    if (answerAtOnce !== undefined) answered(answerAtOnce)
    return () => void one.cancelled++
  }
  return { transport: Transport.withDirect(Transport.markUntraced(client), direct), asked, stepwise }
}

const whole = (body: string): Outcome => {
  const response = HttpClientResponse.fromWeb(request, new Response(body))
  return Exit.succeed(Object.assign(response, { [Transport.bufferedBody]: new TextEncoder().encode(body) }))
}

const bounded = (transport: HttpClient.HttpClient, ms = 5000) =>
  Timeout.exchange(ms)(Transport.bufferBodies(8)(Transport.fromHttpClient(transport)))

const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

describe("an exchange that is asked directly", () => {
  it.live("gives the answer that comes at once, and the one that comes later", () =>
    Effect.gen(function* () {
      const now = scripted(whole("now"))
      expect(yield* Effect.flatMap(bounded(now.transport).execute(request), (r) => r.text)).toBe("now")
      const later = scripted()
      const fiber = yield* Effect.fork(bounded(later.transport).execute(request))
      yield* turn
      later.asked[0]?.answered(whole("later"))
      expect(yield* Effect.flatMap(Fiber.join(fiber), (r) => r.text)).toBe("later")
      expect([now, later].map(({ asked, stepwise }) => [asked.length, asked[0]?.cancelled, stepwise.sends])).toEqual([
        [1, 0, 0],
        [1, 0, 0]
      ])
    })
  )

  it.live(
    "fails typed when the transport does, when the body is too large, and before it sends what cannot be sent",
    () =>
      Effect.gen(function* () {
        const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" })
        const broken = Exit.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: reset }))
        const error = yield* Effect.flip(bounded(scripted(broken).transport).execute(request))
        expect(error).toMatchObject({ _tag: "TransportError", reason: "ConnectionReset" })
        const large = yield* Effect.flip(bounded(scripted(whole("nine bytes")).transport).execute(request))
        expect(large).toMatchObject({ _tag: "BodyTooLarge", limit: 8 })
        const never = scripted()
        const host = HttpClientRequest.setHeader(request, "host", "evil.test")
        expect(yield* Effect.flip(bounded(never.transport).execute(host))).toMatchObject({ _tag: "InvalidRequest" })
        expect(never.asked).toHaveLength(0)
      })
  )

  it.live("cancels what takes too long, says so without the query's values, and hears no answer after that", () =>
    Effect.gen(function* () {
      const { asked, transport } = scripted()
      const error = yield* Effect.flip(bounded(transport, 20).execute(request))
      expect(error).toMatchObject({ _tag: "Timeout", scope: "exchange", url: "https://api.test/x?key=<redacted>" })
      expect(asked[0]?.cancelled).toBe(1)
      asked[0]?.answered(whole("late"))
    })
  )

  it.live("an interruption cancels it, and its bound strikes nobody afterwards", () =>
    Effect.gen(function* () {
      const { asked, transport } = scripted()
      const fiber = yield* Effect.fork(bounded(transport, 30).execute(request))
      yield* turn
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(asked[0]?.cancelled).toBe(1)
      yield* Effect.sleep(60)
      expect(asked[0]?.cancelled).toBe(1)
    })
  )

  it.live("a body that follows is read in what is left of the time, and cut when that is over", () =>
    Effect.gen(function* () {
      let closed = 0
      const dripping = Stream.ensuring(
        Stream.concat(Stream.make(new Uint8Array(1)), Stream.never),
        Effect.sync(() => closed++)
      )
      const response = Object.create(HttpClientResponse.fromWeb(request, new Response("x")), {
        stream: { value: dripping },
        headers: { value: {} }
      }) as HttpClientResponse.HttpClientResponse // A response in all but its body.
      const error = yield* Effect.flip(bounded(scripted(Exit.succeed(response)).transport, 30).execute(request))
      expect(error).toMatchObject({ _tag: "Timeout", scope: "exchange" })
      expect(closed).toBe(1)
    })
  )

  it.live("ends in time also where its caller cannot be interrupted", () =>
    Effect.gen(function* () {
      const { asked, transport } = scripted()
      const error = yield* Effect.flip(Effect.uninterruptible(bounded(transport, 20).execute(request)))
      expect([error._tag, asked[0]?.cancelled]).toEqual(["Timeout", 1])
    })
  )

  it.live("many at once each end as they do: in time, late, or broken", () =>
    Effect.gen(function* () {
      const { asked, transport } = scripted()
      const client = bounded(transport, 200)
      const fiber = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 90 }), () => Effect.either(client.execute(request)), {
          concurrency: "unbounded"
        })
      )
      while (asked.length < 90) yield* turn
      asked.forEach(({ answered }, n) => {
        if (n % 3 === 0) answered(whole(String(n)))
        if (n % 3 === 1) answered(Exit.fail(new HttpClientError.RequestError({ request, reason: "Transport" })))
      })
      const outcomes = (yield* Fiber.join(fiber)).map((one) => (one._tag === "Right" ? "Right" : one.left._tag))
      expect(outcomes).toEqual(outcomes.map((_, n) => ["Right", "TransportError", "Timeout"][n % 3]))
      expect(asked.map(({ cancelled }) => cancelled)).toEqual(asked.map((_, n) => (n % 3 === 2 ? 1 : 0)))
    })
  )

  it.live("goes stepwise for a body that is a stream, and where somebody records", () =>
    Effect.gen(function* () {
      const { asked, stepwise, transport } = scripted(whole("direct"))
      const post = HttpClientRequest.bodyStream(HttpClientRequest.post("https://api.test/x"), Stream.empty)
      expect(yield* Effect.flatMap(bounded(transport).execute(post), (r) => r.text)).toBe("stepwise")
      const { events } = yield* Timeline.record(bounded(transport).execute(request))
      expect(events.map(({ _tag }) => _tag)).toEqual(["RequestSent", "ResponseReceived"])
      expect([asked.length, stepwise.sends]).toEqual([0, 2])
    })
  )

  it.live("the same effect can be run again, and sends again", () =>
    Effect.gen(function* () {
      const { asked, transport } = scripted(whole("again"))
      const call = bounded(transport).execute(request)
      yield* Effect.zip(call, call)
      expect(asked).toHaveLength(2)
    })
  )

  it.live(
    "what is asked which answers to read, and throws, is a defect of that exchange, not an error of the wire",
    () =>
      Effect.gen(function* () {
        const boom = () => {
          throw new Error("boom")
        }
        let thrown = 0
        const { asked, transport } = scripted()
        const client = Timeout.exchange(200)(Transport.bufferBodies(8, boom)(Transport.fromHttpClient(transport)))
        const fiber = yield* Effect.fork(client.execute(request))
        yield* turn
        try {
          asked[0]?.answered(whole("text"))
        } catch {
          thrown++
        }
        const exit = yield* Fiber.await(fiber)
        expect([thrown, Exit.isFailure(exit) && Cause.isDie(exit.cause)]).toEqual([0, true])
      })
  )

  it.live("bounds nest: the one that is shorter ends it, whichever it is, and cancels once", () =>
    Effect.gen(function* () {
      for (const [inner, outer] of [
        [20, 500],
        [500, 20]
      ] as const) {
        const { asked, transport } = scripted()
        const error = yield* Effect.flip(Timeout.exchange(outer)(bounded(transport, inner)).execute(request))
        expect(error._tag === "Timeout" && Duration.toMillis(error.after)).toBe(20)
        expect(asked.map(({ cancelled }) => cancelled)).toEqual([1])
      }
    })
  )

  it.effect("under a test's clock it goes stepwise, where that clock can end it", () =>
    Effect.gen(function* () {
      const { asked, stepwise, transport } = scripted()
      yield* bounded(transport).execute(request)
      expect([asked.length, stepwise.sends]).toEqual([0, 1])
    })
  )

  it.live("a fiber that was forked within a call ends its exchange with that fiber", () =>
    Effect.gen(function* () {
      const { asked, transport } = scripted()
      const child = yield* Effect.fork(bounded(transport).execute(request))
      yield* turn
      const sibling = yield* Effect.fork(bounded(transport).execute(request))
      yield* turn
      yield* Fiber.interrupt(child)
      expect(asked.map(({ cancelled }) => cancelled)).toEqual([1, 0])
      asked[1]?.answered(whole("sibling"))
      expect(yield* Effect.flatMap(Fiber.join(sibling), (response) => response.text)).toBe("sibling")
    })
  )

  it.live(
    "an answer that is still to be run is typed, and its body read within the limit, like one that is there",
    () =>
      Effect.gen(function* () {
        const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" })
        const broken = Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: reset }))
        for (const [outcome, expected] of [
          [broken, { _tag: "TransportError", reason: "ConnectionReset" }],
          [whole("nine bytes"), { _tag: "BodyTooLarge", limit: 8 }]
        ] as const) {
          const { transport } = scripted(Effect.delay(outcome, 1))
          expect(yield* Effect.flip(bounded(transport).execute(request))).toMatchObject(expected)
        }
      })
  )

  it.live("goes stepwise where the bound is longer than a timer of the platform can be, which would fire at once", () =>
    Effect.gen(function* () {
      const { asked, stepwise, transport } = scripted()
      yield* bounded(transport, 2 ** 31).execute(request)
      expect([asked.length, stepwise.sends]).toEqual([0, 1])
    })
  )
})
