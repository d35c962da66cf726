import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as Timeout from "@countersign/client/Timeout"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, base, withJitter, failure, get, run, requestTimes, transport } from "./support/mockApi.js"

const { delay, never, respond, respondStream } = MockClient

describe("Timeout.exchange", () => {
  it.effect("interrupts the request and fails when its time is over", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([never])
      const error = yield* failure(Timeout.exchange("3 seconds")(client).execute(get("/x?key=canary")))
      expect(error).toMatchObject({ _tag: "Timeout", scope: "exchange", method: "GET" })
      expect(error.message).toContain("one request took longer than 3s")
      expect(error.message).not.toContain("canary")
      expect(yield* mock.interrupted).toEqual([{ _tag: "Interrupted", index: 0, at: 3000 }])
    })
  )

  it.effect("times each attempt separately, and Retry retries it", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([never, delay("1999 millis", respond(200))], {
        timeout: { exchange: "2 seconds" }
      })
      yield* run(client.get("/x")).pipe(withJitter(1))
      expect(yield* requestTimes(mock)).toEqual([0, 2050])
      expect(yield* TestClock.currentTimeMillis).toBe(4049)
    })
  )

  it.effect("times out after 30 s by default, including the time to read the body", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([respondStream(200, Stream.never), respond(200)])
      yield* run(client.get("/x")).pipe(withJitter(0))
      expect(yield* requestTimes(mock)).toEqual([0, 30_000])
    })
  )

  it.effect("excludes the wait for a token", () =>
    Effect.gen(function* () {
      const slow: Auth.Service = {
        sign: (request) => Effect.delay(Effect.succeed({ request, credential: 0 }), "20 seconds"),
        onRejected: () => Effect.succeed(false)
      }
      const { api: client } = yield* api([delay("900 millis", respond(200))], {
        auth: slow,
        timeout: { exchange: "1 second" }
      })
      expect((yield* run(client.get("/x"))).status).toBe(200)
    })
  )

  it.effect("never times out with false", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([delay("5 minutes", respond(200))], {
        timeout: { exchange: false, call: false }
      })
      expect((yield* run(client.get("/x"))).status).toBe(200)
    })
  )
})

describe("Timeout.call", () => {
  it.effect("times out after 60 s by default", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => never, { timeout: { exchange: false } })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect(yield* TestClock.currentTimeMillis).toBe(60_000)
    })
  )

  it.effect("ends the attempts without a retry", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => never, {
        timeout: { exchange: "4 seconds", call: "10 seconds" },
        retry: Schedule.recurs(100)
      })
      const error = yield* failure(client.get("/x"))
      expect(error).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect(error._tag === "Timeout" && Duration.toMillis(error.after)).toBe(10_000)
      expect(yield* requestTimes(mock)).toEqual([0, 4000, 8000])
      expect(yield* TestClock.currentTimeMillis).toBe(10_000)
      expect((yield* mock.interrupted).map(({ at }) => at)).toEqual([4000, 8000, 10_000])
    })
  )

  it.effect("ends the wait for a token", () =>
    Effect.gen(function* () {
      const stuck: Auth.Service = { sign: () => Effect.never, onRejected: () => Effect.succeed(false) }
      const { api: client, mock } = yield* api([respond(200)], { auth: stuck, timeout: { call: "7 seconds" } })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect(yield* TestClock.currentTimeMillis).toBe(7000)
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("starts no wait that would exceed the deadline", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(503), {
        timeout: { call: "10 seconds" },
        retry: Schedule.spaced("4 seconds")
      })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unavailable" })
      expect(yield* requestTimes(mock)).toEqual([0, 4000, 8000])
      expect(yield* TestClock.currentTimeMillis).toBe(8000)
    })
  )

  it.effect("applies the earlier deadline of nested calls", () =>
    Effect.gen(function* () {
      for (const [outer, inner] of [
        [5, 10],
        [10, 5]
      ] as const) {
        const began = yield* TestClock.currentTimeMillis
        const { client, mock } = yield* transport(() => respond(503, "", { "retry-after": "7" }))
        const nested = client.pipe(Retry.policy(), Timeout.call(inner * 1000), Timeout.call(outer * 1000))
        expect(yield* failure(nested.execute(get()))).toMatchObject({ _tag: "RateLimited" })
        expect(yield* mock.sent).toHaveLength(1)
        expect(yield* TestClock.currentTimeMillis).toBe(began)
      }
    })
  )

  it.effect("does not apply the deadline of a finished nested call", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([respond(200), respond(503, "", { "retry-after": "7" }), respond(200)])
      const short = Timeout.call("2 seconds")(client)
      const both = Effect.zipRight(short.execute(get()), Retry.policy()(client).execute(get()))
      expect((yield* run(both)).status).toBe(200)
      expect(yield* mock.sent).toHaveLength(3)
    }).pipe(withJitter(0))
  )
})

describe("Timeout.remaining", () => {
  it.effect("returns infinity outside of a call and decreases inside one", () =>
    Effect.gen(function* () {
      expect(yield* Timeout.remaining).toBe(Number.POSITIVE_INFINITY)
      const seen: Array<number> = []
      const auth = Auth.makeStaticEffect((request) =>
        Effect.flatMap(Timeout.remaining, (left) => Effect.sync(() => (seen.push(left), request)))
      )
      const { api: client } = yield* api([delay("1 second", respond(503)), respond(200)], {
        auth,
        timeout: { call: "9 seconds" }
      })
      yield* run(client.get("/x")).pipe(withJitter(1))
      expect(seen).toEqual([9000, 7950])
    })
  )
})

describe("ApiClient interruption", () => {
  it.effect("interrupts the request in flight", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => never)
      const fiber = yield* Effect.fork(client.execute(HttpClientRequest.get(`${base}/x`)))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.interrupt(fiber)
      expect(yield* mock.interrupted).toEqual([{ _tag: "Interrupted", index: 0, at: 2000 }])
    })
  )

  it.effect("ends the wait of a call and sends nothing afterwards", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(() => respond(503, "", { "retry-after": "10" }))
      const fiber = yield* Effect.fork(client.get("/x"))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})
