import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as Hedge from "@countersign/client/Hedge"
import * as Retry from "@countersign/client/Retry"
import * as RetryBudget from "@countersign/client/RetryBudget"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, base, withJitter, failure, get, run, requestTimes, transport } from "./support/mockApi.js"

const { delay, fail, never, respond, respondStream } = MockClient
const slow = delay("10 seconds", respond(200, "slow"))
const hedgeDelay = "300 millis"
const spaced = Schedule.spaced("200 millis")

const hedgedApi = (
  script: MockClient.Script,
  options: Partial<Hedge.Options> = {},
  clientOptions: Partial<ApiClient.Options> = {}
) =>
  api(script, {
    hedge: Hedge.make({ delay: hedgeDelay, ...options }),
    retry: Retry.exponential({ times: 0 }),
    ...clientOptions
  })

const interruptedIndexes = (mock: { readonly interrupted: Effect.Effect<ReadonlyArray<MockClient.Interrupted>> }) =>
  Effect.runPromise(Effect.map(mock.interrupted, (all) => all.map(({ index }) => index)))

describe("Hedge.make", () => {
  it.effect("sends one request when the response arrives before the delay", () =>
    Effect.gen(function* () {
      const client = yield* hedgedApi([delay("299 millis", respond(200, "first")), respond(200, "second")])
      expect(yield* (yield* run(client.api.get("/x"))).text).toBe("first")
      yield* TestClock.adjust("1 minute")
      expect(yield* requestTimes(client.mock)).toEqual([0])
    })
  )

  it.effect("sends a second request after the delay and returns the first response", () =>
    Effect.gen(function* () {
      const client = yield* hedgedApi([slow, delay("100 millis", respond(200, "second"))])
      expect(yield* (yield* run(client.api.get("/x"))).text).toBe("second")
      expect(yield* requestTimes(client.mock)).toEqual([0, 300])
      expect(yield* TestClock.currentTimeMillis).toBe(400)
    })
  )

  it.effect("interrupts the slower request, whichever it is", () =>
    Effect.gen(function* () {
      // The caller's fiber continues afterwards, so its end cannot be the cause of the interruptions.
      const callerContinues = Effect.sleep("1 minute")
      const noTimeouts = { timeout: { call: false, exchange: false } } as const
      const hedgedClient = yield* hedgedApi([never, respond(200)], {}, noTimeouts)
      yield* run(Effect.zipLeft(hedgedClient.api.get("/x"), callerContinues))
      expect(yield* hedgedClient.mock.interrupted).toEqual([{ _tag: "Interrupted", index: 0, at: 300 }])
      yield* TestClock.setTime(0)
      const secondLoses = yield* hedgedApi([delay("400 millis", respond(200, "first")), never], {}, noTimeouts)
      expect(yield* (yield* run(Effect.zipLeft(secondLoses.api.get("/x"), callerContinues))).text).toBe("first")
      expect(yield* secondLoses.mock.interrupted).toEqual([{ _tag: "Interrupted", index: 1, at: 400 }])
    })
  )

  it.effect("fails without a hedge when the first request fails before the delay", () =>
    Effect.gen(function* () {
      for (const step of [fail("ECONNRESET"), respond(503)]) {
        const client = yield* hedgedApi(() => step)
        yield* failure(client.api.get("/x"))
        expect(yield* client.mock.sent).toHaveLength(1)
        expect(yield* TestClock.currentTimeMillis).toBe(0)
      }
    })
  )

  it.effect("prefers a good response to a failed one and releases the failed one", () =>
    Effect.gen(function* () {
      for (const bad of [respond(503, "busy"), respond(429, "busy"), fail("ECONNRESET")]) {
        for (const [at, script] of [
          [700, [delay("700 millis", respond(200, "good")), bad]],
          [900, [delay("400 millis", bad), delay("600 millis", respond(200, "good"))]]
        ] as const) {
          yield* TestClock.setTime(0)
          const client = yield* hedgedApi(script)
          expect(yield* (yield* run(client.api.get("/x"))).text).toBe("good")
          expect(yield* TestClock.currentTimeMillis).toBe(at)
          expect(yield* client.mock.interrupted).toEqual([])
          const released = (yield* client.mock.released).length
          expect(released).toBe(bad._tag === "Fail" ? 1 : 2)
        }
      }
    })
  )

  it.effect("fails with the last failure when all requests fail", () =>
    Effect.gen(function* () {
      const client = yield* hedgedApi([delay("1 second", respond(500)), fail("ECONNRESET")])
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "Unavailable", status: 500 })
      expect(yield* client.mock.sent).toHaveLength(2)
    })
  )

  it.effect("sends up to maxHedges further requests, each after the delay", () =>
    Effect.gen(function* () {
      const client = yield* hedgedApi([never, never, never, respond(200, "fourth")], { maxHedges: 3 })
      expect(yield* (yield* run(client.api.get("/x"))).text).toBe("fourth")
      expect(yield* requestTimes(client.mock)).toEqual([0, 300, 600, 900])
      expect((yield* client.mock.interrupted).map(({ index }) => index).sort()).toEqual([0, 1, 2])
      const noHedges = yield* hedgedApi([slow], { maxHedges: 0 })
      yield* run(noHedges.api.get("/x"))
      expect(yield* noHedges.mock.sent).toHaveLength(1)
    })
  )

  it.effect("never hedges POST, PUT, PATCH, DELETE or a body that can be sent once", () =>
    Effect.gen(function* () {
      for (const method of ["POST", "PUT", "PATCH", "DELETE"] as const) {
        const client = yield* hedgedApi(() => slow)
        yield* run(client.api.execute(HttpClientRequest.make(method)(`${base}/x`)))
        expect(yield* client.mock.sent, method).toHaveLength(1)
      }
      const stream = HttpClientRequest.bodyStream(get(), Stream.make(new Uint8Array(1)))
      const client = yield* hedgedApi(() => slow)
      yield* run(client.api.execute(stream))
      expect(yield* client.mock.sent).toHaveLength(1)
    })
  )

  it.effect("counts as one attempt of a retry", () =>
    Effect.gen(function* () {
      const script = [never, delay("500 millis", respond(503)), never, respond(200, "third")]
      const client = yield* hedgedApi(
        script,
        {},
        { retry: Retry.exponential({ times: 1 }), timeout: { exchange: "1 second" } }
      )
      yield* run(client.api.get("/x")).pipe(withJitter(0))
      // The first request times out at 1000 ms, after the 503 of the hedge. Only then has the attempt failed.
      expect(yield* requestTimes(client.mock)).toEqual([0, 300, 1000, 1300])
    })
  )

  it.effect("interrupts all its requests at the call timeout", () =>
    Effect.gen(function* () {
      const client = yield* hedgedApi(
        () => never,
        { maxHedges: 2 },
        { timeout: { call: "2 seconds", exchange: false } }
      )
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect((yield* client.mock.interrupted).map(({ at }) => at)).toEqual([2000, 2000, 2000])
    })
  )

  it.live("interrupts the remaining request at the call timeout while the caller continues", () =>
    Effect.gen(function* () {
      const client = yield* hedgedApi(
        [never, respond(503)],
        { delay: "1 millis" },
        { timeout: { call: "30 millis", exchange: false } }
      )
      expect(yield* Effect.flip(client.api.get("/x"))).toMatchObject({ _tag: "Timeout", scope: "call" })
      yield* Effect.promise(() =>
        vi.waitFor(async () => expect(await interruptedIndexes(client.mock)).toEqual([0]), { timeout: 60_000 })
      )
    })
  )

  it.effect("returns the first response to an uninterruptible caller", () =>
    Effect.gen(function* () {
      const client = yield* hedgedApi(
        [never, respond(200, "second")],
        {},
        { timeout: { call: false, exchange: false } }
      )
      expect(yield* (yield* run(Effect.uninterruptible(client.api.get("/x")))).text).toBe("second")
    })
  )

  it.effect("returns the whole body of a streaming response", () =>
    Effect.gen(function* () {
      const chunks = Stream.schedule(Stream.make("a", "b", "c").pipe(Stream.encodeText), spaced)
      const client = yield* hedgedApi([never, respondStream(200, chunks)])
      const text = Effect.flatMap(client.api.execute(get()), (response) => response.text)
      expect(yield* run(text)).toBe("abc")
    })
  )
})

describe("Hedge.make budget", () => {
  it.effect("withdraws from the retry budget and stops hedging when it is empty", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.make({ capacity: 30 })
      const client = yield* hedgedApi(() => delay("1 second", respond(200)), {}, { retry: { budget } })
      for (let n = 0; n < 2; n++) yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(4)
      // 30 - 14, plus two deposits for each response (Hedge and Retry); the same for the second call.
      expect(budget.withdraw(base, false)).toBe(0)
      expect(budget.withdraw(base, true)).toBe(5)
      yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(5)
    })
  )

  it.effect("limits hedges to one in fourteen requests with its own budget", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => delay("1 second", respond(200)))
      const hedgedClient = Hedge.policy({ delay: hedgeDelay, budget: RetryBudget.make({ capacity: 14 }) })(client)
      for (let n = 0; n < 57; n++) yield* run(hedgedClient.execute(get()))
      expect(yield* mock.sent).toHaveLength(57 + 5)
    })
  )

  it.effect("hedges every request when the retry budget is false", () =>
    Effect.gen(function* () {
      const client = yield* hedgedApi(() => delay("1 second", respond(200)), {}, { retry: { budget: false } })
      for (let n = 0; n < 50; n++) yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(100)
    })
  )
})
