/** No wait exceeds the call deadline. */
import * as Retry from "@countersign/client/Retry"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, withJitter, failure, runPromise, run, requestTimes } from "./support/mockApi.js"

const { delay, respond, respondStream } = MockClient

describe("Retry.policy with a call deadline", () => {
  it("never waits beyond the deadline, for any schedule, retry-after and deadline", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(FastCheck.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 4 }),
        FastCheck.option(FastCheck.integer({ min: 0, max: 30_000 })),
        FastCheck.integer({ min: 1, max: 40_000 }),
        FastCheck.integer({ min: 0, max: 3000 }),
        FastCheck.boolean(),
        (delays, retryAfterMs, deadline, answerMs, isEndless) =>
          runPromise(
            Effect.gen(function* () {
              const headers: MockClient.Headers =
                retryAfterMs === null ? {} : { "retry-after-ms": String(retryAfterMs) }
              const busy = isEndless ? respondStream(503, Stream.never, headers) : respond(503, "busy", headers)
              const [head, ...tail] = delays as [number, ...Array<number>]
              const client = yield* api(() => delay(answerMs, busy), {
                retry: Schedule.fromDelays(head, ...tail),
                timeout: { call: deadline }
              })
              yield* Effect.exit(run(client.api.get("/x")))
              const ended = yield* TestClock.currentTimeMillis
              const sent = yield* requestTimes(client.mock)
              expect(ended).toBeLessThanOrEqual(deadline)
              for (const at of sent) expect(at).toBeLessThan(deadline)
              // A call that ends before the deadline waited only for the response and its release.
              const last = sent[sent.length - 1]!
              if (ended < deadline) expect(ended - last).toBeLessThanOrEqual(answerMs + 1000)
            })
          )
      ),
      { numRuns: 60 }
    ))

  it.effect("counts the time to release an endless response as part of the wait", () =>
    Effect.gen(function* () {
      const client = yield* api([respondStream(503, Stream.never, { "retry-after": "3" }), respond(200)])
      yield* run(client.api.get("/x")).pipe(withJitter(0))
      expect(yield* requestTimes(client.mock)).toEqual([0, 3000])
    })
  )

  it.effect("leaves time for the next request when it releases an endless response", () =>
    Effect.gen(function* () {
      const client = yield* api([respondStream(503, Stream.never, { "retry-after": "1" }), respond(200)], {
        timeout: { call: "1400 millis" }
      })
      yield* run(client.api.get("/x")).pipe(withJitter(0))
      expect(yield* requestTimes(client.mock)).toEqual([0, 1000])
      yield* TestClock.setTime(0)
      const at = yield* api([respondStream(503, Stream.never), respond(200)], {
        timeout: { call: "600 millis" },
        retry: Retry.exponential({ baseDelay: 0 })
      })
      yield* run(at.api.get("/x"))
      expect(yield* requestTimes(at.mock)).toEqual([0, 300])
    })
  )

  it.effect("starts no wait that ends exactly at the deadline", () =>
    Effect.gen(function* () {
      for (const [call, sends] of [
        [2000, 1],
        [2001, 2]
      ] as const) {
        yield* TestClock.setTime(0)
        const client = yield* api(() => respond(503, "", { "retry-after": "2" }), {
          timeout: { call },
          retry: Retry.exponential({ times: 1 })
        })
        yield* failure(client.api.get("/x")).pipe(withJitter(0))
        expect(yield* client.mock.sent).toHaveLength(sends)
      }
    })
  )
})
