import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as SingleFlight from "../../../src/internal/concurrency/singleFlight.js"
import { times } from "../../support/tokenSource.js"

const limits = { firstStep: 60_000, lost: () => new Error("lost") }

/** A flight with runs of one second that end with their number. */
const numbered = Effect.gen(function* () {
  let runs = 0
  const flight = yield* SingleFlight.make<number, Error, never>(
    Effect.delay(
      Effect.suspend(() => Effect.succeed(++runs)),
      "1 second"
    ),
    limits
  )
  return { flight, runs: () => runs }
})

const never = () => undefined

describe("SingleFlight.run", () => {
  it.scoped("returns one run to all waiting fibers", () =>
    Effect.gen(function* () {
      const { flight } = yield* numbered
      const waiting = yield* Effect.fork(times(100, flight.run(never)))
      yield* TestClock.adjust("1 second")
      expect(new Set(yield* Fiber.join(waiting))).toEqual(new Set([1]))
    })
  )

  it.scoped("fails all waiting fibers with the error of the run", () =>
    Effect.gen(function* () {
      const error = new Error("scripted")
      const flight = yield* SingleFlight.make<number, Error, never>(
        Effect.delay(Effect.fail(error), "1 second"),
        limits
      )
      const waiting = yield* Effect.fork(times(3, Effect.flip(flight.run(never, 5))))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(waiting)).toEqual([error, error, error])
    })
  )

  it.scoped("starts no run if the caller finds a value", () =>
    Effect.gen(function* () {
      const { flight, runs } = yield* numbered
      expect([yield* flight.run(() => 7), runs()]).toEqual([7, 0])
    })
  )

  it.scoped.each([
    [1, 1],
    [2, 2],
    [Number.POSITIVE_INFINITY, 3]
  ] as const)("runs at most %d times until the caller finds a value, and returns run %d", ([most, last]) =>
    Effect.gen(function* () {
      const { flight, runs } = yield* numbered
      const waiting = yield* Effect.fork(flight.run(() => (runs() >= 3 ? runs() : undefined), most))
      yield* TestClock.adjust("1 minute")
      expect([yield* Fiber.join(waiting), runs()]).toEqual([last, last])
    })
  )

  it.scoped("continues for the other fibers if one is interrupted", () =>
    Effect.gen(function* () {
      const { flight, runs } = yield* numbered
      const first = yield* Effect.fork(flight.run(never))
      const second = yield* Effect.fork(flight.run(never))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      expect([yield* Fiber.join(second), runs()]).toEqual([1, 1])
    })
  )
})
