import { RateLimited, TransportError, Unavailable } from "@countersign/client/Errors"
import type { Failure } from "@countersign/client/Retry"
import * as RetryAfter from "@countersign/client/RetryAfter"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schedule from "effect/Schedule"
import * as TestContext from "effect/TestContext"

const exchange = { method: "GET", url: "https://api.test/", status: 503 }
const asking = (ms: number): Failure => new Unavailable({ ...exchange, retryAfter: Duration.millis(ms) })
const silent: Failure = new TransportError({ method: "GET", url: "/", reason: "Unknown", sent: "maybe" })

/** The delays of a schedule over failures, as numbers. */
const delays = (schedule: Schedule.Schedule<unknown, Failure>, failures: ReadonlyArray<Failure>) =>
  Schedule.run(Schedule.delays(schedule), 0, failures).pipe(
    Effect.map((all) => Chunk.toReadonlyArray(all).map((delay) => Duration.toMillis(delay))),
    Effect.provide(TestContext.TestContext)
  )

describe("respect", () => {
  const respected = RetryAfter.honor(Schedule.spaced("100 millis"))

  it.effect("is never earlier than asked, with the schedule's own delay on top, up to a tenth", () =>
    Effect.gen(function* () {
      expect(yield* delays(respected, [asking(5000), asking(500), asking(0)])).toEqual([5100, 550, 100])
    })
  )

  it.effect("is the schedule's own delay where nothing was asked, or less", () =>
    Effect.gen(function* () {
      expect(yield* delays(respected, [silent, asking(50), asking(100)])).toEqual([100, 100, 100])
    })
  )

  it.effect("once is the same as twice", () =>
    Effect.gen(function* () {
      const failures = [asking(5000), silent, asking(1), asking(150)]
      expect(yield* delays(RetryAfter.honor(respected), failures)).toEqual(yield* delays(respected, failures))
    })
  )

  it("never undercuts, whatever the schedule", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.nat(100_000), FastCheck.nat(100_000), async (own, asked) => {
        const schedule = RetryAfter.honor(Schedule.spaced(own))
        const [delay] = await Effect.runPromise(delays(schedule, [asking(asked)]))
        expect(delay).toBeGreaterThanOrEqual(Math.max(own, asked))
        expect(delay).toBeLessThanOrEqual(Math.max(own, asked * 1.1))
      }),
      { numRuns: 50 }
    ))

  it.effect("ends when the schedule ends", () =>
    Effect.gen(function* () {
      const twice = RetryAfter.honor(Schedule.intersect(Schedule.recurs(1), Schedule.spaced(10)))
      expect(yield* delays(twice, [asking(1), asking(1), asking(1)])).toHaveLength(2)
    })
  )
})

describe("askedOf", () => {
  it("is what the error says, in milliseconds, and nothing of errors that say nothing", () => {
    expect(RetryAfter.retryAfterMillis(asking(5))).toBe(5)
    expect(RetryAfter.retryAfterMillis(new RateLimited({ ...exchange, retryAfter: Duration.seconds(2) }))).toBe(2000)
    expect(RetryAfter.retryAfterMillis(new RateLimited(exchange))).toBeUndefined()
    expect(RetryAfter.retryAfterMillis(silent)).toBeUndefined()
    expect(RetryAfter.retryAfterMillis({ _tag: "Other", retryAfter: "5" } as { _tag: string })).toBeUndefined()
  })
})
