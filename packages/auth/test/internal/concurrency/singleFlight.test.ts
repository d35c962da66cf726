import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { afterwards } from "../../../src/internal/concurrency/flightProgress.js"
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

describe("SingleFlight and what a run does afterwards", () => {
  /** A flight that returns 1, and takes a second for the effect that follows. */
  const withCleanUp = (log: Array<string>) =>
    SingleFlight.make<number, Error, never>(
      Effect.as(
        afterwards(
          Effect.delay(
            Effect.sync(() => log.push("cleaned up")),
            "1 second"
          )
        ),
        1
      ),
      limits
    )

  it.effect("returns the outcome first, and the scope waits for the rest", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const flight = yield* Scope.extend(withCleanUp(log), scope)
      expect([yield* flight.run(never), log]).toEqual([1, []])
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(999)
      expect(closing.unsafePoll()).toBeNull()
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
      expect(log).toEqual(["cleaned up"])
    })
  )

  it.effect("lets the scope wait no longer than 15 seconds", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const hanging = SingleFlight.make<number, Error, never>(Effect.as(afterwards(Effect.never), 1), limits)
      const flight = yield* Scope.extend(hanging, scope)
      yield* flight.run(never)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("15 seconds")
      yield* Fiber.join(closing)
    })
  )

  it.scoped("starts the next run meanwhile", () =>
    Effect.gen(function* () {
      const flight = yield* withCleanUp([])
      expect([yield* flight.run(never), yield* flight.run(never)]).toEqual([1, 1])
      yield* TestClock.adjust("1 second")
    })
  )

  it.effect("runs the effect at once outside of a run", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      yield* afterwards(Effect.sync(() => log.push("now")))
      expect(log).toEqual(["now"])
    })
  )

  it.scoped("runs the effect at once if the run has ended", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const late = Effect.delay(afterwards(Effect.sync(() => void log.push("late"))), "1 second")
      const flight = yield* SingleFlight.make<number, Error, never>(Effect.as(Effect.forkDaemon(late), 1), limits)
      yield* flight.run(never)
      yield* TestClock.adjust("1 second")
      expect(log).toEqual(["late"])
    })
  )

  it.scoped("runs the effect of a run that was given up", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const clean = Effect.sync(() => void log.push("cleaned up"))
      const flight = yield* SingleFlight.make<number, Error, never>(
        Effect.onInterrupt(Effect.never, () => afterwards(clean)),
        { ...limits, firstStep: 1_000 }
      )
      const waiting = yield* Effect.fork(Effect.flip(flight.run(never)))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(waiting)
      expect(log).toEqual(["cleaned up", "cleaned up"])
    })
  )
})
