import * as Mutex from "@countersign/client/Mutex"
import * as WaitStrategy from "@countersign/client/WaitStrategy"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { makeBusyProcess, forkLost } from "./support/lostFibers.js"

const strategies: ReadonlyArray<WaitStrategy.Strategy> = ["notify", "poll"]

describe.each(strategies)("Mutex.make, wait strategy %s", (strategy) => {
  const waits = Effect.provideService(WaitStrategy.WaitStrategy, strategy)

  it.effect("runs one fiber at a time, in order of arrival", () =>
    Effect.gen(function* () {
      const mutex = Mutex.make()
      const order: Array<number> = []
      let inside = 0
      let maxConcurrent = 0
      const use = (n: number) =>
        mutex.withLock(
          Effect.sync(() => {
            order.push(n)
            maxConcurrent = Math.max(maxConcurrent, ++inside)
          }).pipe(Effect.zipRight(Effect.sleep("1 second")), Effect.zipRight(Effect.sync(() => inside--)))
        )
      const all = yield* Effect.fork(Effect.forEach([1, 2, 3, 4], use, { concurrency: "unbounded" }).pipe(waits))
      yield* TestClock.adjust("1500 millis")
      expect(mutex.users()).toBe(3)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(all)
      expect([order, maxConcurrent, mutex.users()]).toEqual([[1, 2, 3, 4], 1, 0])
    })
  )

  it.effect("releases the lock after failure, a defect and interruption, also of a waiter", () =>
    Effect.gen(function* () {
      const mutex = Mutex.make()
      yield* Effect.exit(mutex.withLock(Effect.fail("no")))
      yield* Effect.exit(mutex.withLock(Effect.die("defect")))
      const holder = yield* Effect.fork(mutex.withLock(Effect.never).pipe(waits))
      const queued = yield* Effect.fork(mutex.withLock(Effect.never).pipe(waits))
      const last = yield* Effect.fork(mutex.withLock(Effect.succeed("done")).pipe(waits))
      yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(queued)
      yield* Fiber.interrupt(holder)
      yield* TestClock.adjust("100 millis")
      expect([yield* Fiber.join(last), mutex.users()]).toEqual(["done", 0])
    })
  )

  it.effect("passes on the lock of a lost fiber after `longest`", () =>
    Effect.gen(function* () {
      const mutex = Mutex.make("10 seconds")
      yield* forkLost(mutex.withLock(Effect.never).pipe(waits))
      yield* TestClock.adjust("9999 millis")
      const early = yield* Effect.fork(mutex.withLock(Effect.succeed("early")).pipe(waits))
      yield* TestClock.adjust("0 millis")
      expect(yield* Fiber.poll(early)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 millis")
      const late = yield* Effect.fork(mutex.withLock(Effect.succeed("late")).pipe(waits))
      yield* TestClock.adjust("100 millis")
      expect([yield* Fiber.join(early), yield* Fiber.join(late)]).toEqual(["early", "late"])
    })
  )
})

describe.each(strategies)("Mutex.makeKeyed, wait strategy %s", (strategy) => {
  const waits = Effect.provideService(WaitStrategy.WaitStrategy, strategy)

  it.effect("excludes the fibers of one key only", () =>
    Effect.gen(function* () {
      const { withLock } = Mutex.makeKeyed()
      const ended: Array<string> = []
      const use = (key: string) =>
        withLock(key)(
          Effect.zipRight(
            Effect.sleep("1 second"),
            Effect.sync(() => ended.push(key))
          )
        )
      const all = yield* Effect.fork(Effect.forEach(["a", "a", "b"], use, { concurrency: "unbounded" }).pipe(waits))
      yield* TestClock.adjust("1500 millis")
      expect([...ended].sort()).toEqual(["a", "b"])
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(all)
      expect(ended.slice(2)).toEqual(["a"])
    })
  )

  it.effect("ends the wait of an uninterruptible fiber after the timeout, and leaves its place", () =>
    Effect.gen(function* () {
      const { withLock, withLockWithin } = Mutex.makeKeyed()
      const within = (ms: number, use = Effect.void) =>
        withLockWithin("a", Duration.millis(ms))((acquired) => Effect.as(use, acquired))
      const holder = yield* Effect.fork(withLock("a")(Effect.sleep("2 seconds")).pipe(waits))
      yield* TestClock.adjust("0 millis")
      const early = yield* Effect.fork(Effect.uninterruptible(within(1000, Effect.sleep("5 seconds"))).pipe(waits))
      const late = yield* Effect.fork(within(5000).pipe(waits))
      yield* TestClock.adjust("1900 millis")
      expect(yield* Fiber.poll(late)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("200 millis")
      const result = yield* Fiber.poll(late)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(holder)
      expect(result).toEqual(Option.some(Exit.succeed(true)))
      expect([yield* Fiber.join(early), yield* within(0)]).toEqual([false, true])
    })
  )
})

const poll = Effect.provideService(WaitStrategy.WaitStrategy, "poll")

describe("Mutex.make with polling waiters", () => {
  it.effect("skips a lost waiter", () =>
    Effect.gen(function* () {
      const mutex = Mutex.make("1 hour")
      const holder = yield* Effect.fork(mutex.withLock(Effect.sleep("5 seconds")).pipe(poll))
      yield* TestClock.adjust("0 millis")
      yield* forkLost(mutex.withLock(Effect.never).pipe(poll))
      const alive = yield* Effect.fork(mutex.withLock(Effect.succeed("alive")).pipe(poll))
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(holder)
      expect(yield* Fiber.join(alive)).toBe("alive")
    })
  )

  it.effect("admits each waiter after the process was too busy to poll", () =>
    Effect.gen(function* () {
      const mutex = Mutex.make()
      const { compute, run } = yield* makeBusyProcess
      const use = mutex.withLock(Effect.zipRight(Effect.sleep("50 millis"), compute(1200)))
      const all = yield* Effect.fork(Effect.all([use, use, use], { concurrency: "unbounded" }).pipe(poll, run))
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(all)).length).toBe(3)
      expect(mutex.users()).toBe(0)
    })
  )
})
