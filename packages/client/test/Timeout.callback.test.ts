// Timeout.exchange over a transport with a callback send, under the live clock: other clocks use the effect send.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Policy from "@countersign/client/Policy"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const request = HttpClientRequest.get("https://api.test/x?key=canary")

type Outcome = Parameters<Parameters<Transport.CallbackSend>[1]>[0]

/** A transport that records its requests and responds through `answered`. */
const recordingTransport = (immediateOutcome?: Outcome) => {
  const requests: Array<{ readonly answered: (outcome: Outcome) => void; cancelled: number }> = []
  const effectSend = { sends: 0 }
  const client = HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((sent) => {
      effectSend.sends++
      return Effect.succeed(HttpClientResponse.fromWeb(sent, new Response("stepwise")))
    }),
    Effect.succeed
  )
  const direct: Transport.CallbackSend = (sent, answered) => {
    if (sent.body._tag === "Stream") return undefined
    const one = { answered, cancelled: 0 }
    requests.push(one)
    if (immediateOutcome !== undefined) answered(immediateOutcome)
    return () => void one.cancelled++
  }
  return { transport: Transport.withCallbackSend(Transport.markUntraced(client), direct), requests, effectSend }
}

const buffered = (body: string): Outcome => {
  const response = HttpClientResponse.fromWeb(request, new Response(body))
  return Exit.succeed(Object.assign(response, { [Transport.bufferedBody]: new TextEncoder().encode(body) }))
}

const bounded = (transport: HttpClient.HttpClient, ms = 5000) =>
  Timeout.exchange(ms)(Transport.bufferBodies(8)(Transport.fromHttpClient(transport)))

const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

describe("Timeout.exchange over a callback transport", () => {
  it.live("returns an immediate response and a later one", () =>
    Effect.gen(function* () {
      const now = recordingTransport(buffered("now"))
      expect(yield* Effect.flatMap(bounded(now.transport).execute(request), (r) => r.text)).toBe("now")
      const later = recordingTransport()
      const fiber = yield* Effect.fork(bounded(later.transport).execute(request))
      yield* turn
      later.requests[0]?.answered(buffered("later"))
      expect(yield* Effect.flatMap(Fiber.join(fiber), (r) => r.text)).toBe("later")
      expect(
        [now, later].map(({ requests, effectSend }) => [requests.length, requests[0]?.cancelled, effectSend.sends])
      ).toEqual([
        [1, 0, 0],
        [1, 0, 0]
      ])
    })
  )

  it.live("fails typed for a transport error, a large body and an invalid request, which is not sent", () =>
    Effect.gen(function* () {
      const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" })
      const broken = Exit.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: reset }))
      const error = yield* Effect.flip(bounded(recordingTransport(broken).transport).execute(request))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "ConnectionReset" })
      const large = yield* Effect.flip(bounded(recordingTransport(buffered("nine bytes")).transport).execute(request))
      expect(large).toMatchObject({ _tag: "BodyTooLarge", limit: 8 })
      const never = recordingTransport()
      const host = HttpClientRequest.setHeader(request, "host", "evil.test")
      expect(yield* Effect.flip(bounded(never.transport).execute(host))).toMatchObject({ _tag: "InvalidRequest" })
      expect(never.requests).toHaveLength(0)
    })
  )

  it.live("cancels the request at the timeout, redacts the query in the error and ignores a late response", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const error = yield* Effect.flip(bounded(transport, 20).execute(request))
      expect(error).toMatchObject({ _tag: "Timeout", scope: "exchange", url: "https://api.test/x?key=<redacted>" })
      expect(requests[0]?.cancelled).toBe(1)
      requests[0]?.answered(buffered("late"))
    })
  )

  it.live("cancels the request on interruption, once", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const fiber = yield* Effect.fork(bounded(transport, 30).execute(request))
      yield* turn
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(requests[0]?.cancelled).toBe(1)
      yield* Effect.sleep(60)
      expect(requests[0]?.cancelled).toBe(1)
    })
  )

  it.live("ends a streaming body when the time is over", () =>
    Effect.gen(function* () {
      let closed = 0
      const endlessBody = Stream.ensuring(
        Stream.concat(Stream.make(new Uint8Array(1)), Stream.never),
        Effect.sync(() => closed++)
      )
      const response = Object.create(HttpClientResponse.fromWeb(request, new Response("x")), {
        stream: { value: endlessBody },
        headers: { value: {} }
      }) as HttpClientResponse.HttpClientResponse // A real response with another body.
      const error = yield* Effect.flip(
        bounded(recordingTransport(Exit.succeed(response)).transport, 30).execute(request)
      )
      expect(error).toMatchObject({ _tag: "Timeout", scope: "exchange" })
      expect(closed).toBe(1)
    })
  )

  it.live("ends in time in an uninterruptible caller", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const error = yield* Effect.flip(Effect.uninterruptible(bounded(transport, 20).execute(request)))
      expect([error._tag, requests[0]?.cancelled]).toEqual(["Timeout", 1])
    })
  )

  it.live("ends each of many concurrent requests separately: successful, late or failed", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const client = bounded(transport, 200)
      const fiber = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 90 }), () => Effect.either(client.execute(request)), {
          concurrency: "unbounded"
        })
      )
      while (requests.length < 90) yield* turn
      requests.forEach(({ answered }, n) => {
        if (n % 3 === 0) answered(buffered(String(n)))
        if (n % 3 === 1) answered(Exit.fail(new HttpClientError.RequestError({ request, reason: "Transport" })))
      })
      const outcomes = (yield* Fiber.join(fiber)).map((one) => (one._tag === "Right" ? "Right" : one.left._tag))
      expect(outcomes).toEqual(outcomes.map((_, n) => ["Right", "TransportError", "Timeout"][n % 3]))
      expect(requests.map(({ cancelled }) => cancelled)).toEqual(requests.map((_, n) => (n % 3 === 2 ? 1 : 0)))
    })
  )

  it.live("uses the effect send for a streaming request body", () =>
    Effect.gen(function* () {
      const { requests, effectSend, transport } = recordingTransport(buffered("direct"))
      const post = HttpClientRequest.bodyStream(HttpClientRequest.post("https://api.test/x"), Stream.empty)
      expect(yield* Effect.flatMap(bounded(transport).execute(post), (r) => r.text)).toBe("stepwise")
      expect([requests.length, effectSend.sends]).toEqual([0, 1])
    })
  )

  it.live("records the same events as the effect send", () =>
    Effect.gen(function* () {
      const eventsOf = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.map(Timeline.record(effect), ({ events }) => events.map(({ _tag }) => _tag))
      const post = HttpClientRequest.bodyStream(HttpClientRequest.post("https://api.test/x"), Stream.empty)
      const reset = Exit.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
      const answering = bounded(recordingTransport(buffered("direct")).transport)
      expect(yield* eventsOf(answering.execute(request))).toEqual(["RequestSent", "ResponseReceived"])
      expect(yield* eventsOf(answering.execute(post))).toEqual(["RequestSent", "ResponseReceived"])
      const broken = bounded(recordingTransport(reset).transport)
      expect(yield* eventsOf(broken.execute(request))).toEqual(["RequestSent", "RequestFailed"])
    })
  )

  it.live("sends again when the effect runs again", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport(buffered("again"))
      const call = bounded(transport).execute(request)
      yield* Effect.zip(call, call)
      expect(requests).toHaveLength(2)
    })
  )

  it.live("reports an exception of the buffering predicate as a defect", () =>
    Effect.gen(function* () {
      const boom = () => {
        throw new Error("boom")
      }
      let thrown = 0
      const { requests, transport } = recordingTransport()
      const client = Timeout.exchange(200)(Transport.bufferBodies(8, boom)(Transport.fromHttpClient(transport)))
      const fiber = yield* Effect.fork(client.execute(request))
      yield* turn
      try {
        requests[0]?.answered(buffered("text"))
      } catch {
        thrown++
      }
      const exit = yield* Fiber.await(fiber)
      expect([thrown, Exit.isFailure(exit) && Cause.isDie(exit.cause)]).toEqual([0, true])
    })
  )

  it.live("ends with the shorter of nested timeouts and cancels once", () =>
    Effect.gen(function* () {
      for (const [inner, outer] of [
        [20, 500],
        [500, 20]
      ] as const) {
        const { requests, transport } = recordingTransport()
        const error = yield* Effect.flip(Timeout.exchange(outer)(bounded(transport, inner)).execute(request))
        expect(error._tag === "Timeout" && Duration.toMillis(error.after)).toBe(20)
        expect(requests.map(({ cancelled }) => cancelled)).toEqual([1])
      }
    })
  )

  it.effect("ends at the time of the test clock and cancels the request", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const fiber = yield* Effect.fork(Effect.flip(bounded(transport).execute(request)))
      yield* TestClock.adjust(4999)
      expect([requests.map(({ cancelled }) => cancelled), yield* Fiber.poll(fiber)]).toEqual([[0], Option.none()])
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "Timeout", scope: "exchange" })
      expect(requests.map(({ cancelled }) => cancelled)).toEqual([1])
    })
  )

  it.live("cancels the request of an interrupted child fiber only", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const child = yield* Effect.fork(bounded(transport).execute(request))
      yield* turn
      const sibling = yield* Effect.fork(bounded(transport).execute(request))
      yield* turn
      yield* Fiber.interrupt(child)
      expect(requests.map(({ cancelled }) => cancelled)).toEqual([1, 0])
      requests[1]?.answered(buffered("sibling"))
      expect(yield* Effect.flatMap(Fiber.join(sibling), (response) => response.text)).toBe("sibling")
    })
  )

  it.live("types an outcome that is an effect, and limits its body", () =>
    Effect.gen(function* () {
      const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" })
      const broken = Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: reset }))
      for (const [outcome, expected] of [
        [broken, { _tag: "TransportError", reason: "ConnectionReset" }],
        [buffered("nine bytes"), { _tag: "BodyTooLarge", limit: 8 }]
      ] as const) {
        const { transport } = recordingTransport(Effect.delay(outcome, 1))
        expect(yield* Effect.flip(bounded(transport).execute(request))).toMatchObject(expected)
      }
    })
  )

  it.live("waits longer than the largest platform timer", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const fiber = yield* Effect.fork(bounded(transport, 2 ** 31).execute(request))
      yield* Effect.sleep(20)
      expect([requests.length, yield* Fiber.poll(fiber)]).toEqual([1, Option.none()])
      requests[0]?.answered(buffered("late"))
      expect((yield* Fiber.join(fiber)).status).toBe(200)
    })
  )

  it.live("sends nothing after the deadline of the call", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport(buffered("x"))
      const slow = Policy.make((sent, next) => Effect.zipRight(Effect.sleep(30), next(sent)))
      const client = Timeout.call(10)(slow(bounded(transport)))
      expect(yield* Effect.flip(client.execute(request))).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect(requests.length).toBe(0)
    })
  )

  it.live("takes the first of several outcomes, and none after an interruption", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const first = yield* Effect.fork(bounded(transport).execute(request))
      const second = yield* Effect.fork(bounded(transport).execute(request))
      yield* turn
      requests[0]?.answered(buffered("first"))
      requests[0]?.answered(Exit.fail(new HttpClientError.RequestError({ request, reason: "Transport" })))
      requests[0]?.answered(Effect.die("never runs"))
      expect(yield* Effect.flatMap(Fiber.join(first), (response) => response.text)).toBe("first")
      yield* Fiber.interrupt(second)
      requests[1]?.answered(buffered("late"))
      expect(requests.map(({ cancelled }) => cancelled)).toEqual([0, 1])
    })
  )

  it.live.each([
    ["cuts a streaming response", () => Exit.succeed(HttpClientResponse.fromWeb(request, new Response("x"))), 1],
    ["does not cut a buffered response", () => buffered("x"), 0],
    [
      "does not cancel a failed request",
      () => Exit.fail(new HttpClientError.RequestError({ request, reason: "Transport" })),
      0
    ]
  ] as const)("%s on an interruption in the same turn", ([, outcome, cancelled]) =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      const fiber = yield* Effect.fork(Timeout.exchange(5000)(Transport.fromHttpClient(transport)).execute(request))
      yield* turn
      yield* Effect.sync(() => {
        requests[0]?.answered(outcome())
        fiber.unsafeInterruptAsFork(FiberId.none)
      })
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
      expect(requests[0]?.cancelled).toBe(cancelled)
    })
  )

  it.live("reports an exception of the transport's send or cancellation as a defect of that request only", () =>
    Effect.gen(function* () {
      const boom = () => {
        throw new Error("boom")
      }
      const { transport } = recordingTransport()
      const throwing = (send: Transport.CallbackSend) =>
        Effect.exit(bounded(Transport.withCallbackSend({ ...transport }, send), 20).execute(request))
      const sibling = recordingTransport(buffered("fine"))
      const [sent, cancelled, fine] = yield* Effect.all(
        [throwing(boom), throwing(() => boom), Effect.exit(bounded(sibling.transport).execute(request))],
        { concurrency: "unbounded" }
      )
      expect([sent, cancelled].map((exit) => Exit.isFailure(exit) && Cause.isDie(exit.cause))).toEqual([true, true])
      expect(Exit.isSuccess(fine)).toBe(true)
    })
  )

  it.live("waits for the response in an uninterruptible caller", () =>
    Effect.gen(function* () {
      const { requests, transport } = recordingTransport()
      let got: unknown
      const held = Effect.uninterruptible(
        Effect.map(bounded(transport).execute(request), ({ status }) => (got = status))
      )
      const fiber = yield* Effect.fork(held)
      yield* turn
      yield* Effect.sync(() => {
        fiber.unsafeInterruptAsFork(FiberId.none)
        requests[0]?.answered(buffered("x"))
      })
      yield* Fiber.await(fiber)
      expect([got, requests[0]?.cancelled]).toEqual([200, 0])
    })
  )
})
