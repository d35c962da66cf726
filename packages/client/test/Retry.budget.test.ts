/** Load on the server during an outage, and the recovery of callers afterwards. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Retry from "@countersign/client/Retry"
import * as RetryBudget from "@countersign/client/RetryBudget"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import { api, base, withJitter, failure, run, requestTimes } from "./support/mockApi.js"

const { fail, respond } = MockClient
const down = respond(503)
const up = respond(200)
const getX = HttpClientRequest.get(`${base}/x`)

describe("RetryBudget during an outage", () => {
  /** Sends `each` calls per second. The result counts the failed calls by the second in which they started. */
  const steadyLoad = (
    client: { readonly get: (path: string) => Effect.Effect<unknown, unknown> },
    seconds: number,
    each: number
  ) =>
    Effect.gen(function* () {
      const failed = new Map<number, number>()
      const second = (n: number) =>
        Effect.forEach(
          Array.from({ length: each }),
          () => Effect.catchAll(client.get("/x"), () => Effect.sync(() => failed.set(n, (failed.get(n) ?? 0) + 1))),
          { concurrency: "unbounded", discard: true }
        ).pipe(Effect.delay(n * 1000))
      yield* Effect.all(
        Array.from({ length: seconds }, (_, n) => second(n)),
        { concurrency: "unbounded", discard: true }
      )
      return (from: number, to: number) => {
        let sum = 0
        for (const [n, count] of failed) if (n >= from && n < to) sum += count
        return sum
      }
    })

  /** Without timeouts: their timers would add hundreds of steps to the test clock. */
  const noTimeouts = { call: false, exchange: false } as const

  it.effect("limits requests to 1.2 per call during 60 s, and all calls succeed 5 s later", () =>
    Effect.gen(function* () {
      const client = yield* api(({ at }) => (at >= 5000 && at < 65_000 ? down : up), { timeout: noTimeouts })
      const failed = yield* run(steadyLoad(client.api, 80, 6)).pipe(Effect.withRandom(Random.make("outage")))
      const during = (yield* requestTimes(client.mock)).filter((at) => at >= 5000 && at < 65_000).length
      expect(during).toBe(60 * 6 + 35)
      expect(during / (60 * 6)).toBeLessThanOrEqual(1.2)
      expect(failed(0, 5)).toBe(0)
      expect(failed(5, 65)).toBe(60 * 6)
      expect(failed(65, 80)).toBe(0)
    })
  )

  it.effect("retries occasional failures again after the outage", () =>
    Effect.gen(function* () {
      let after = 0
      const outageThenOccasional = ({ at }: MockClient.Sent) => (at < 60_000 || ++after % 50 === 0 ? down : up)
      const client = yield* api(outageThenOccasional, { timeout: noTimeouts })
      const failed = yield* run(steadyLoad(client.api, 90, 6)).pipe(Effect.withRandom(Random.make("outage")))
      expect(failed(0, 60)).toBe(60 * 6)
      expect(failed(65, 90) / (25 * 6)).toBeLessThanOrEqual(0.01)
    })
  )
})

describe("Retry.policy budget option", () => {
  const emptyBudget = () => RetryBudget.make({ capacity: 0 })

  it.effect("fails at once with the original failure when the budget is empty", () =>
    Effect.gen(function* () {
      const steps = [respond(503, "busy", { "retry-after": "3" }), respond(429, "slow"), fail("ECONNREFUSED")]
      const tags = ["Unavailable", "RateLimited", "TransportError"]
      for (const [n, step] of steps.entries()) {
        const client = yield* api(() => step, { retry: { budget: emptyBudget() } })
        const error = yield* failure(client.api.get("/x"))
        expect(error._tag).toBe(tags[n])
        if (error._tag === "Unavailable") expect(yield* error.response!.text).toBe("busy")
        expect(yield* client.mock.sent).toHaveLength(1)
        expect(yield* TestClock.currentTimeMillis).toBe(0)
      }
    })
  )

  it.effect(
    "withdraws nothing for a request that would not be retried: POST, retries used up, retry-after too long",
    () =>
      Effect.gen(function* () {
        const budget = RetryBudget.make({ capacity: 14 })
        const late = respond(503, "", { "retry-after": "61" })
        const client = yield* api([down, late, down, down, up], {
          rateLimit: false,
          retry: { budget, schedule: Retry.exponential({ times: 1 }) }
        })
        yield* failure(client.api.post("/x"))
        yield* failure(client.api.get("/x"))
        yield* failure(client.api.get("/x"))
        expect(yield* client.mock.sent).toHaveLength(4)
        expect(budget.withdraw(base, true)).toBe(0)
      })
  )

  it.effect("deposits the cost of a retry again when it succeeds", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.make({ capacity: 14 })
      const client = yield* api((_, n) => (n % 2 === 0 ? down : up), { retry: { budget } })
      for (let n = 0; n < 10; n++) yield* run(client.api.get("/x"))
      expect(yield* client.mock.sent).toHaveLength(20)
    })
  )

  it.effect("shares a budget between clients with the same one and between the pipelines of a client", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.make({ capacity: 28 })
      const [one, two] = [yield* api(() => down, { retry: { budget } }), yield* api(() => down, { retry: { budget } })]
      yield* failure(one.api.get("/x"))
      yield* failure(two.api.get("/x"))
      expect([(yield* one.mock.sent).length, (yield* two.mock.sent).length]).toEqual([3, 1])
      const client = yield* api(() => down)
      const calls = [client.api.get("/x"), client.api.execute(getX), client.api.httpClient.execute(getX)] as const
      const all = Effect.all(calls, { mode: "either" })
      for (let n = 0; n < 20; n++) yield* run(all)
      expect(yield* client.mock.sent).toHaveLength(60 + 35)
    }).pipe(withJitter(0))
  )

  it.effect("limits requests by the schedule only when it is false", () =>
    Effect.gen(function* () {
      const client = yield* api(() => down, { retry: { budget: false } })
      for (let n = 0; n < 40; n++) yield* failure(client.api.get("/x")).pipe(withJitter(0))
      expect(yield* client.mock.sent).toHaveLength(120)
    })
  )
})
