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
const failureAfter = (ms: number): Failure => new Unavailable({ ...exchange, retryAfter: Duration.millis(ms) })
const failureWithoutTime: Failure = new TransportError({ method: "GET", url: "/", reason: "Unknown", sent: "maybe" })

/** The delays of a schedule over failures, as numbers. */
const delays = (schedule: Schedule.Schedule<unknown, Failure>, failures: ReadonlyArray<Failure>) =>
  Schedule.run(Schedule.delays(schedule), 0, failures).pipe(
    Effect.map((all) => Chunk.toReadonlyArray(all).map((delay) => Duration.toMillis(delay))),
    Effect.provide(TestContext.TestContext)
  )

describe("RetryAfter.honor", () => {
  const honored = RetryAfter.honor(Schedule.spaced("100 millis"))

  it.effect("waits the requested time plus the schedule's delay, limited to a tenth", () =>
    Effect.gen(function* () {
      expect(yield* delays(honored, [failureAfter(5000), failureAfter(500), failureAfter(0)])).toEqual([5100, 550, 100])
    })
  )

  it.effect("keeps the schedule's delay without a longer requested wait", () =>
    Effect.gen(function* () {
      expect(yield* delays(honored, [failureWithoutTime, failureAfter(50), failureAfter(100)])).toEqual([100, 100, 100])
    })
  )

  it.effect("returns the same delays when applied twice", () =>
    Effect.gen(function* () {
      const failures = [failureAfter(5000), failureWithoutTime, failureAfter(1), failureAfter(150)]
      expect(yield* delays(RetryAfter.honor(honored), failures)).toEqual(yield* delays(honored, failures))
    })
  )

  it("never waits less than requested, for any schedule", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.nat(100_000), FastCheck.nat(100_000), async (scheduleMs, requestedMs) => {
        const schedule = RetryAfter.honor(Schedule.spaced(scheduleMs))
        const [delay] = await Effect.runPromise(delays(schedule, [failureAfter(requestedMs)]))
        expect(delay).toBeGreaterThanOrEqual(Math.max(scheduleMs, requestedMs))
        expect(delay).toBeLessThanOrEqual(Math.max(scheduleMs, requestedMs * 1.1))
      }),
      { numRuns: 50 }
    ))

  it.effect("ends when the schedule ends", () =>
    Effect.gen(function* () {
      const twice = RetryAfter.honor(Schedule.intersect(Schedule.recurs(1), Schedule.spaced(10)))
      expect(yield* delays(twice, [failureAfter(1), failureAfter(1), failureAfter(1)])).toHaveLength(2)
    })
  )
})

describe("RetryAfter.retryAfterMillis", () => {
  it("returns the wait of an error in milliseconds, or undefined", () => {
    expect(RetryAfter.retryAfterMillis(failureAfter(5))).toBe(5)
    expect(RetryAfter.retryAfterMillis(new RateLimited({ ...exchange, retryAfter: Duration.seconds(2) }))).toBe(2000)
    expect(RetryAfter.retryAfterMillis(new RateLimited(exchange))).toBeUndefined()
    expect(RetryAfter.retryAfterMillis(failureWithoutTime)).toBeUndefined()
    expect(RetryAfter.retryAfterMillis({ _tag: "Other", retryAfter: "5" } as { _tag: string })).toBeUndefined()
  })
})
