/** No wait ends after the call's deadline, whoever asks for it. */
import * as Retry from "@countersign/client/Retry"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, chance, failure, promise, run, times } from "./scripted.js"

const { delay, respond, respondStream } = MockClient

describe("the deadline", () => {
  it("is never slept past, whatever the schedule, the server's wish and the time there is", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(FastCheck.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 4 }),
        FastCheck.option(FastCheck.integer({ min: 0, max: 30_000 })),
        FastCheck.integer({ min: 1, max: 40_000 }),
        FastCheck.integer({ min: 0, max: 3000 }),
        FastCheck.boolean(),
        (delays, asked, deadline, answerMs, drips) =>
          promise(
            Effect.gen(function* () {
              const headers: MockClient.Headers = asked === null ? {} : { "retry-after-ms": String(asked) }
              const busy = drips ? respondStream(503, Stream.never, headers) : respond(503, "busy", headers)
              const [head, ...tail] = delays as [number, ...Array<number>]
              const client = yield* api(() => delay(answerMs, busy), {
                retry: Schedule.fromDelays(head, ...tail),
                timeout: { call: deadline }
              })
              yield* Effect.exit(run(client.api.get("/x")))
              const ended = yield* TestClock.currentTimeMillis
              const sent = yield* times(client.mock)
              expect(ended).toBeLessThanOrEqual(deadline)
              for (const at of sent) expect(at).toBeLessThan(deadline)
              // Who gave up before the time was over did not wait for anything but the answer and its release.
              const last = sent[sent.length - 1]!
              if (ended < deadline) expect(ended - last).toBeLessThanOrEqual(answerMs + 1000)
            })
          )
      ),
      { numRuns: 60 }
    ))

  it.effect("letting go of an answer that drips takes of the wait, not on top of it", () =>
    Effect.gen(function* () {
      const client = yield* api([respondStream(503, Stream.never, { "retry-after": "3" }), respond(200)])
      yield* run(client.api.get("/x")).pipe(chance(0))
      expect(yield* times(client.mock)).toEqual([0, 3000])
    })
  )

  it.effect("letting go of an answer that drips leaves time for the next send", () =>
    Effect.gen(function* () {
      const client = yield* api([respondStream(503, Stream.never, { "retry-after": "1" }), respond(200)], {
        timeout: { call: "1400 millis" }
      })
      yield* run(client.api.get("/x")).pipe(chance(0))
      expect(yield* times(client.mock)).toEqual([0, 1000])
      yield* TestClock.setTime(0)
      const at = yield* api([respondStream(503, Stream.never), respond(200)], {
        timeout: { call: "600 millis" },
        retry: Retry.exponential({ baseDelay: 0 })
      })
      yield* run(at.api.get("/x"))
      expect(yield* times(at.mock)).toEqual([0, 300])
    })
  )

  it.effect("a wait that ends exactly then is not begun", () =>
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
        yield* failure(client.api.get("/x")).pipe(chance(0))
        expect(yield* client.mock.sent).toHaveLength(sends)
      }
    })
  )
})
