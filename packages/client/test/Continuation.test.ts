import type * as ApiClient from "@countersign/client/ApiClient"
import * as Continuation from "@countersign/client/Continuation"
import { TransportError } from "@countersign/client/Errors"
import * as Retry from "@countersign/client/Retry"
import * as RetryBudget from "@countersign/client/RetryBudget"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { api, run, runPromise, withJitter } from "./support/mockApi.js"

const broken = (url = "https://api.test/v1/x", reason: TransportError["reason"] = "ConnectionReset") =>
  new TransportError({ method: "GET", url, reason, sent: "maybe" })

/** A client with the option `retry`. */
const client = (retry: ApiClient.Options["retry"]) => Effect.map(api([], { retry }), (made) => made.api)

/** Full backoff: random numbers are 1. */
const full = withJitter(1)

/** Waits after failures in a row, in milliseconds, until one is permanent. At most `most` are tried. */
const waits = ({ next }: Continuation.Continuation, most = 10) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    for (let nth = 0; nth < most; nth++) {
      const before = yield* TestClock.currentTimeMillis
      const outcome = yield* run(full(Effect.either(next(broken()))))
      if (outcome._tag === "Left") return times
      times.push((yield* TestClock.currentTimeMillis) - before)
    }
    return times
  })

const steps = Retry.exponential({ times: 3, baseDelay: "1 second" })

describe("Continuation.make", () => {
  it.effect("waits by the schedule of the client, and fails with the failure when it ends", () =>
    Effect.gen(function* () {
      for (const retry of [steps, { schedule: steps }]) {
        const continuation = yield* Continuation.make(yield* client(retry))
        expect(yield* waits(continuation)).toEqual([1000, 2000, 4000])
        const failure = broken("https://api.test/last")
        expect(yield* Effect.flip(continuation.next(failure))).toBe(failure)
      }
    })
  )

  it.effect("uses the schedule of the call instead of that of the client, and five default retries without any", () =>
    Effect.gen(function* () {
      const two = Schedule.intersect(Schedule.recurs(2), Schedule.spaced("5 seconds"))
      const own = yield* client(steps)
      expect(yield* waits(yield* Continuation.make(own, { retry: two }))).toEqual([5000, 5000])
      const usual = yield* waits(yield* Continuation.make(yield* client(undefined)), 20)
      const { client: bare } = yield* MockClient.make([])
      // A client of another package has neither schedule nor budget.
      const foreign = yield* waits(yield* Continuation.make(bare as unknown as ApiClient.ApiClient), 20)
      expect(usual.length).toBeGreaterThan(0)
      expect(foreign).toHaveLength(usual.length)
    })
  )

  it.effect("fails at once for a client or a call without retries", () =>
    Effect.gen(function* () {
      for (const continuation of [
        yield* Continuation.make(yield* client(false)),
        yield* Continuation.make(yield* client(steps), { retry: false })
      ]) {
        expect(yield* waits(continuation)).toEqual([])
        yield* continuation.progressed
        expect(yield* waits(continuation)).toEqual([])
      }
    })
  )

  it.effect.each<TransportError["reason"]>(["Tls", "AddressBlocked", "InvalidContentEncoding"])(
    "fails at once after the permanent failure %s",
    (reason) =>
      Effect.gen(function* () {
        const continuation = yield* Continuation.make(yield* client(steps))
        const failure = broken("https://api.test/v1/x", reason)
        expect(yield* Effect.flip(continuation.next(failure))).toBe(failure)
        // It has used nothing of the schedule.
        expect(yield* waits(continuation)).toEqual([1000, 2000, 4000])
      })
  )

  it.effect("begins the schedule anew after progress", () =>
    Effect.gen(function* () {
      const continuation = yield* Continuation.make(yield* client(steps))
      for (let round = 0; round < 5; round++) {
        expect(yield* waits(continuation, 2)).toEqual([1000, 2000])
        yield* continuation.progressed
      }
      expect(yield* waits(continuation)).toEqual([1000, 2000, 4000])
    })
  )

  it.effect("pays each request from the budget of its origin, which all bodies of a client share", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.make({ capacity: 30, retryCost: 10 })
      const own = yield* client({ schedule: steps, budget })
      const first = yield* Continuation.make(own)
      const second = yield* Continuation.make(own)
      yield* run(first.next(broken()))
      yield* run(second.next(broken()))
      yield* run(first.next(broken()))
      const failure = broken()
      expect(yield* Effect.flip(second.next(failure))).toBe(failure)
      // Another origin has a budget of its own.
      yield* run(second.next(broken("https://other.test/")))
      // Progress returns what the last request of this body cost.
      yield* first.progressed
      expect(yield* waits(yield* Continuation.make(own))).toEqual([1000])
    })
  )

  it.effect("returns the cost of a request once", () =>
    Effect.gen(function* () {
      const deposits: Array<number> = []
      const budget: RetryBudget.RetryBudget = { withdraw: () => 7, deposit: (_, paid) => void deposits.push(paid) }
      const continuation = yield* Continuation.make(yield* client({ schedule: steps, budget }))
      yield* continuation.progressed
      yield* run(continuation.next(broken()))
      yield* continuation.progressed
      yield* continuation.progressed
      expect(deposits).toEqual([7])
    })
  )

  it.effect("uses the budget of the call, and none for budget: false", () =>
    Effect.gen(function* () {
      const empty = RetryBudget.make({ capacity: 1, retryCost: 10 })
      const own = yield* client({ schedule: steps, budget: empty })
      expect(yield* waits(yield* Continuation.make(own))).toEqual([])
      expect(yield* waits(yield* Continuation.make(own, { retry: steps }))).toEqual([])
      const named = { schedule: steps, budget: RetryBudget.make() }
      expect(yield* waits(yield* Continuation.make(own, { retry: named }))).toHaveLength(3)
      const unlimited = yield* client({ schedule: steps, budget: false })
      expect(yield* waits(yield* Continuation.make(unlimited))).toHaveLength(3)
    })
  )

  it.effect("ends a wait that is interrupted", () =>
    Effect.gen(function* () {
      const continuation = yield* Continuation.make(yield* client(steps))
      const waiting = yield* Effect.fork(full(continuation.next(broken())))
      yield* TestClock.adjust("999 millis")
      expect((yield* Fiber.interrupt(waiting))._tag).toBe("Failure")
      expect(yield* waits(continuation)).toEqual([2000, 4000])
    })
  )

  it("waits no longer in a row than the schedule does, whatever progress comes between", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(FastCheck.boolean(), { maxLength: 30 }), (events) =>
        runPromise(
          Effect.gen(function* () {
            const continuation = yield* Continuation.make(yield* client({ schedule: steps, budget: false }))
            let inRow = 0
            for (const isProgress of events) {
              if (isProgress) yield* continuation.progressed
              const outcome = isProgress ? undefined : yield* run(Effect.either(continuation.next(broken())))
              inRow = isProgress ? 0 : inRow + 1
              if (outcome !== undefined) expect(outcome._tag).toBe(inRow <= 3 ? "Right" : "Left")
            }
          })
        )
      ),
      { numRuns: 50 }
    ))
})
