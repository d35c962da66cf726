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
import { api, base, chance, failure, get, run, times, transport } from "./scripted.js"

const { delay, fail, never, respond, respondStream } = MockClient
const slow = delay("10 seconds", respond(200, "slow"))
const after = "300 millis"
const spaced = Schedule.spaced("200 millis")

const hedged = (
  script: MockClient.Script,
  options: Partial<Hedge.Options> = {},
  more: Partial<ApiClient.Options> = {}
) => api(script, { hedge: Hedge.make({ delay: after, ...options }), retry: Retry.exponential({ times: 0 }), ...more })

const interruptedOf = (mock: { readonly interrupted: Effect.Effect<ReadonlyArray<MockClient.Interrupted>> }) =>
  Effect.runPromise(Effect.map(mock.interrupted, (all) => all.map(({ index }) => index)))

describe("a hedge", () => {
  it.effect("sends nothing more when the first answer comes in time", () =>
    Effect.gen(function* () {
      const client = yield* hedged([delay("299 millis", respond(200, "first")), respond(200, "second")])
      expect(yield* (yield* run(client.api.get("/x"))).text).toBe("first")
      yield* TestClock.adjust("1 minute")
      expect(yield* times(client.mock)).toEqual([0])
    })
  )

  it.effect("sends once more after its time, and gives out the answer that comes first", () =>
    Effect.gen(function* () {
      const client = yield* hedged([slow, delay("100 millis", respond(200, "second"))])
      expect(yield* (yield* run(client.api.get("/x"))).text).toBe("second")
      expect(yield* times(client.mock)).toEqual([0, 300])
      expect(yield* TestClock.currentTimeMillis).toBe(400)
    })
  )

  it.effect("interrupts the send that lost, whichever it is", () =>
    Effect.gen(function* () {
      // The caller's fiber goes on: its end is not what ends them.
      const goesOn = Effect.sleep("1 minute")
      const untimed = { timeout: { call: false, exchange: false } } as const
      const one = yield* hedged([never, respond(200)], {}, untimed)
      yield* run(Effect.zipLeft(one.api.get("/x"), goesOn))
      expect(yield* one.mock.interrupted).toEqual([{ _tag: "Interrupted", index: 0, at: 300 }])
      yield* TestClock.setTime(0)
      const two = yield* hedged([delay("400 millis", respond(200, "first")), never], {}, untimed)
      expect(yield* (yield* run(Effect.zipLeft(two.api.get("/x"), goesOn))).text).toBe("first")
      expect(yield* two.mock.interrupted).toEqual([{ _tag: "Interrupted", index: 1, at: 400 }])
    })
  )

  it.effect("a failure before its time ends the request as it would have", () =>
    Effect.gen(function* () {
      for (const step of [fail("ECONNRESET"), respond(503)]) {
        const client = yield* hedged(() => step)
        yield* failure(client.api.get("/x"))
        expect(yield* client.mock.sent).toHaveLength(1)
        expect(yield* TestClock.currentTimeMillis).toBe(0)
      }
    })
  )

  it.effect(
    "an answer that is none to be glad of wins over nothing: it waits for the other, and lets this one go",
    () =>
      Effect.gen(function* () {
        for (const bad of [respond(503, "busy"), respond(429, "busy"), fail("ECONNRESET")]) {
          for (const [at, script] of [
            [700, [delay("700 millis", respond(200, "good")), bad]],
            [900, [delay("400 millis", bad), delay("600 millis", respond(200, "good"))]]
          ] as const) {
            yield* TestClock.setTime(0)
            const client = yield* hedged(script)
            expect(yield* (yield* run(client.api.get("/x"))).text).toBe("good")
            expect(yield* TestClock.currentTimeMillis).toBe(at)
            expect(yield* client.mock.interrupted).toEqual([])
            const released = (yield* client.mock.released).length
            expect(released).toBe(bad._tag === "Fail" ? 1 : 2)
          }
        }
      })
  )

  it.effect("when all fail, the last failure is the outcome", () =>
    Effect.gen(function* () {
      const client = yield* hedged([delay("1 second", respond(500)), fail("ECONNRESET")])
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "Unavailable", status: 500 })
      expect(yield* client.mock.sent).toHaveLength(2)
    })
  )

  it.effect("sends as often as it may, each its time after the one before", () =>
    Effect.gen(function* () {
      const client = yield* hedged([never, never, never, respond(200, "fourth")], { maxHedges: 3 })
      expect(yield* (yield* run(client.api.get("/x"))).text).toBe("fourth")
      expect(yield* times(client.mock)).toEqual([0, 300, 600, 900])
      expect((yield* client.mock.interrupted).map(({ index }) => index).sort()).toEqual([0, 1, 2])
      const none = yield* hedged([slow], { maxHedges: 0 })
      yield* run(none.api.get("/x"))
      expect(yield* none.mock.sent).toHaveLength(1)
    })
  )

  it.effect("leaves alone what changes something, and a body that can be sent once", () =>
    Effect.gen(function* () {
      for (const method of ["POST", "PUT", "PATCH", "DELETE"] as const) {
        const client = yield* hedged(() => slow)
        yield* run(client.api.execute(HttpClientRequest.make(method)(`${base}/x`)))
        expect(yield* client.mock.sent, method).toHaveLength(1)
      }
      const stream = HttpClientRequest.bodyStream(get(), Stream.make(new Uint8Array(1)))
      const client = yield* hedged(() => slow)
      yield* run(client.api.execute(stream))
      expect(yield* client.mock.sent).toHaveLength(1)
    })
  )

  it.effect("is one attempt to the retry around it", () =>
    Effect.gen(function* () {
      const script = [never, delay("500 millis", respond(503)), never, respond(200, "third")]
      const client = yield* hedged(
        script,
        {},
        { retry: Retry.exponential({ times: 1 }), timeout: { exchange: "1 second" } }
      )
      yield* run(client.api.get("/x")).pipe(chance(0))
      // The first send times out at 1000, after the hedge's 503: the attempt has failed then, and not before.
      expect(yield* times(client.mock)).toEqual([0, 300, 1000, 1300])
    })
  )

  it.effect("ends with the call: no send of its is left when that is interrupted, or out of time", () =>
    Effect.gen(function* () {
      const client = yield* hedged(() => never, { maxHedges: 2 }, { timeout: { call: "2 seconds", exchange: false } })
      expect(yield* failure(client.api.get("/x"))).toMatchObject({ _tag: "Timeout", scope: "call" })
      expect((yield* client.mock.interrupted).map(({ at }) => at)).toEqual([2000, 2000, 2000])
    })
  )

  it.live("out of time while it waits for the one that is left, it ends that one, though its caller goes on", () =>
    Effect.gen(function* () {
      const client = yield* hedged(
        [never, respond(503)],
        { delay: "1 millis" },
        { timeout: { call: "30 millis", exchange: false } }
      )
      expect(yield* Effect.flip(client.api.get("/x"))).toMatchObject({ _tag: "Timeout", scope: "call" })
      yield* Effect.promise(() =>
        vi.waitFor(async () => expect(await interruptedOf(client.mock)).toEqual([0]), { timeout: 60_000 })
      )
    })
  )

  it.effect("a caller that cannot be interrupted has the first answer too", () =>
    Effect.gen(function* () {
      const client = yield* hedged([never, respond(200, "second")], {}, { timeout: { call: false, exchange: false } })
      expect(yield* (yield* run(Effect.uninterruptible(client.api.get("/x")))).text).toBe("second")
    })
  )

  it.effect("gives out a body that is still on its way, and that one is whole", () =>
    Effect.gen(function* () {
      const chunks = Stream.schedule(Stream.make("a", "b", "c").pipe(Stream.encodeText), spaced)
      const client = yield* hedged([never, respondStream(200, chunks)])
      const text = Effect.flatMap(client.api.execute(get()), (response) => response.text)
      expect(yield* run(text)).toBe("abc")
    })
  )
})

describe("what a hedge costs", () => {
  it.effect("is paid from the budget of the retry, until that has run dry", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.make({ capacity: 30 })
      const client = yield* hedged(() => delay("1 second", respond(200)), {}, { retry: { budget } })
      for (let n = 0; n < 2; n++) yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(4)
      // 30 - 14, and a token from each of the two places that an answer is seen at; the same again.
      expect(budget.withdraw(base, false)).toBe(0)
      expect(budget.withdraw(base, true)).toBe(5)
      yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(5)
    })
  )

  it.effect("is bounded by a budget of its own where there is no retry: one in fourteen, in the long run", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => delay("1 second", respond(200)))
      const one = Hedge.policy({ delay: after, budget: RetryBudget.make({ capacity: 14 }) })(client)
      for (let n = 0; n < 57; n++) yield* run(one.execute(get()))
      expect(yield* mock.sent).toHaveLength(57 + 5)
    })
  )

  it.effect("is nothing where the caller wants no budget", () =>
    Effect.gen(function* () {
      const client = yield* hedged(() => delay("1 second", respond(200)), {}, { retry: { budget: false } })
      for (let n = 0; n < 50; n++) yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(100)
    })
  )
})
