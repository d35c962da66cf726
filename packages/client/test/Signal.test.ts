import * as Signal from "@countersign/client/Signal"
import * as WaitStrategy from "@countersign/client/WaitStrategy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { forkLost } from "./support/lostFibers.js"

const strategies: ReadonlyArray<WaitStrategy.Strategy> = ["notify", "poll"]

const withStrategy = (strategy: WaitStrategy.Strategy) => Effect.provideService(WaitStrategy.WaitStrategy, strategy)

describe.each(strategies)("Signal.make, wait strategy %s", (strategy) => {
  it.effect("passes its outcome to all waiting fibers and to later ones", () =>
    Effect.gen(function* () {
      const signal = Signal.make<number, string>()
      const waiting = yield* Effect.fork(
        Effect.all([signal.wait(), signal.wait()], { concurrency: "unbounded" }).pipe(withStrategy(strategy))
      )
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.poll(waiting)).toMatchObject({ _tag: "None" })
      expect(signal.outcome).toBeUndefined()
      expect(signal.complete(Exit.succeed(1))).toBe(true)
      yield* TestClock.adjust("20 millis")
      expect(yield* Fiber.join(waiting)).toEqual([1, 1])
      expect(yield* signal.wait().pipe(withStrategy(strategy))).toBe(1)
    })
  )

  it.effect("keeps its first outcome", () =>
    Effect.gen(function* () {
      const signal = Signal.make<number, string>()
      expect(signal.complete(Exit.fail("no"))).toBe(true)
      expect(signal.complete(Exit.succeed(1))).toBe(false)
      expect(yield* Effect.flip(signal.wait().pipe(withStrategy(strategy)))).toBe("no")
    })
  )

  it.effect("allows interruption of a waiting fiber and completion afterwards", () =>
    Effect.gen(function* () {
      const signal = Signal.make<number>()
      const waiting = yield* Effect.fork(signal.wait().pipe(withStrategy(strategy)))
      yield* TestClock.adjust("1 second")
      expect(Exit.isInterrupted(yield* Fiber.interrupt(waiting))).toBe(true)
      expect(signal.complete(Exit.succeed(1))).toBe(true)
    })
  )
})

describe("Signal.make with a polling fiber", () => {
  it.effect("does not resume a lost fiber when it completes", () =>
    Effect.gen(function* () {
      const signal = Signal.make<number>()
      const lost = yield* forkLost(signal.wait().pipe(withStrategy("poll")))
      yield* TestClock.adjust("1 second")
      signal.complete(Exit.succeed(1))
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.poll(lost)).toMatchObject({ _tag: "None" })
    })
  )

  it.effect("calls `onPoll` at each poll, which may complete it", () =>
    Effect.gen(function* () {
      const signal = Signal.make<number>()
      const pollTimes: Array<number> = []
      const waiting = yield* Effect.fork(
        signal
          .wait((now) => {
            pollTimes.push(now)
            if (pollTimes.length === 3) signal.complete(Exit.succeed(pollTimes.length))
          })
          .pipe(withStrategy("poll"))
      )
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(waiting)).toBe(3)
      expect(pollTimes).toEqual([0, 20, 40])
    })
  )
})
