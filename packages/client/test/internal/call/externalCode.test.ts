/** Code outside of the package within a deadline, mostly under the live clock. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as TestClock from "effect/TestClock"
import { boundBy } from "../../../src/internal/call/externalCode.js"
import { unsafeMonotonicNow } from "../../../src/internal/time/clock.js"

const ms = Duration.millis
const withTimeout = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Duration,
  onTimeout: () => E2
): Effect.Effect<A, E | E2, R> =>
  Effect.withFiberRuntime((fiber) =>
    boundBy(
      effect,
      unsafeMonotonicNow(fiber) + Duration.toMillis(duration),
      Effect.suspend(() => Effect.fail(onTimeout()))
    )
  )

const late = () => "late" as const

/** A wait that only the timer can end. */
const never: Effect.Effect<never> = Effect.never

describe("boundBy", () => {
  it.live("returns the value or error of an effect in time and does nothing afterwards", () =>
    Effect.gen(function* () {
      expect(yield* withTimeout(Effect.succeed(1), ms(5), late)).toBe(1)
      expect(yield* Effect.flip(withTimeout(Effect.fail("own"), ms(5), late))).toBe("own")
      // Longer than either timeout: a leftover timer would fire here.
      yield* Effect.sleep(20)
    })
  )

  it.live("interrupts an endless wait, and the caller continues", () =>
    Effect.gen(function* () {
      let finalized = false
      const slow = Effect.onInterrupt(never, () => Effect.sync(() => (finalized = true)))
      expect(yield* Effect.flip(withTimeout(slow, ms(5), late))).toBe("late")
      expect(finalized).toBe(true)
      yield* Effect.sleep(5)
      yield* Effect.yieldNow()
    })
  )

  it.live("interrupts an effect that never suspends", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(withTimeout(Effect.forever(Effect.yieldNow()), ms(5), late))).toBe("late")
    })
  )

  it.live("waits for finalizers", () =>
    Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      const slow = Effect.ensuring(never, Effect.sleep(30))
      expect(yield* Effect.flip(withTimeout(slow, ms(5), late))).toBe("late")
      expect((yield* Clock.currentTimeMillis) - began).toBeGreaterThanOrEqual(30)
    })
  )

  it.live("fails with the error of the timeout that fired, which the other one does not catch", () =>
    Effect.gen(function* () {
      const inner = Effect.either(withTimeout(never, ms(5), () => "inner" as const))
      expect(yield* withTimeout(inner, ms(500), late)).toMatchObject({ _tag: "Left", left: "inner" })
      const caught = Effect.catchAllCause(
        withTimeout(never, ms(500), () => "inner" as const),
        () => Effect.succeed("caught")
      )
      expect(yield* Effect.flip(withTimeout(caught, ms(5), late))).toBe("late")
      yield* Effect.sleep(5)
    })
  )

  it.live("leaves no interruption behind when nested timeouts fire at once", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 20; n++) {
        const both = withTimeout(Effect.either(withTimeout(never, ms(2), () => "inner" as const)), ms(2), late)
        yield* Effect.either(both)
        yield* Effect.yieldNow()
      }
    })
  )

  it.live("keeps earlier child fibers of the caller running", () =>
    Effect.gen(function* () {
      const release = yield* Deferred.make<string>()
      const child = yield* Effect.fork(Deferred.await(release))
      expect(yield* Effect.flip(withTimeout(never, ms(5), late))).toBe("late")
      yield* Deferred.succeed(release, "alive")
      expect(yield* Fiber.join(child)).toBe("alive")
    })
  )

  it.live("passes on an interruption by another fiber", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.either(withTimeout(never, ms(500), late)))
      yield* Effect.sleep(5)
      const exit = yield* Fiber.interrupt(fiber)
      expect(Exit.isInterrupted(exit)).toBe(true)
    })
  )

  it.live("waits for an uninterruptible effect and fails afterwards", () =>
    Effect.gen(function* () {
      let done = false
      const slow = Effect.zipRight(
        Effect.sleep(20),
        Effect.sync(() => (done = true))
      )
      expect(yield* Effect.flip(withTimeout(Effect.uninterruptible(slow), ms(5), late))).toBe("late")
      expect(done).toBe(true)
      yield* Effect.sleep(5)
    })
  )

  it.live("applies in acquire and release, which are uninterruptible", () =>
    Effect.gen(function* () {
      const acquiring = Effect.acquireRelease(withTimeout(never, ms(5), late), () => Effect.void)
      expect(yield* Effect.flip(Effect.scoped(acquiring))).toBe("late")
      let released: unknown
      const releasing = Effect.map(Effect.flip(withTimeout(never, ms(5), late)), (error) => (released = error))
      const fiber = yield* Effect.fork(Effect.ensuring(never, releasing))
      yield* Effect.sleep(5)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(released).toBe("late")
    })
  )

  it.live("fails at once when the time is over, and does not run the effect", () =>
    Effect.gen(function* () {
      let runs = 0
      expect(
        yield* Effect.flip(
          withTimeout(
            Effect.sync(() => runs++),
            ms(-1),
            late
          )
        )
      ).toBe("late")
      expect(runs).toBe(0)
    })
  )

  it.live("keeps changes of fiber refs, and the services of the caller", () =>
    Effect.gen(function* () {
      const ref = FiberRef.unsafeMake(0)
      class Name extends Context.Tag("test/Name")<Name, string>() {}
      const slow = Effect.zipRight(Effect.sleep(1), FiberRef.set(ref, 2))
      const named = Effect.provideService(withTimeout(Effect.zipRight(slow, Name), ms(500), late), Name, "ada")
      expect([yield* named, yield* FiberRef.get(ref)]).toEqual(["ada", 2])
      yield* withTimeout(FiberRef.set(ref, 3), ms(500), late)
      expect(yield* FiberRef.get(ref)).toBe(3)
    })
  )

  it.live("fails each of many effects in its own time", () =>
    Effect.gen(function* () {
      // Much longer than the effects in time need, even on a busy machine.
      const one = (n: number) =>
        Effect.delay(withTimeout(n % 3 === 0 ? never : Effect.as(Effect.sleep(n % 7), n), ms(400), late), ms(n % 20))
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 300 }, (_, n) => n),
        (n) => Effect.either(one(n)),
        { concurrency: "unbounded" }
      )
      outcomes.forEach((outcome, n) => {
        expect(outcome).toMatchObject(n % 3 === 0 ? { _tag: "Left", left: "late" } : { _tag: "Right", right: n })
      })
    })
  )

  for (const [name, it_, pass] of [
    ["the live clock", it.live, Effect.sleep("20 millis")],
    ["a test clock", it.effect, TestClock.adjust("20 millis")]
  ] as const) {
    it_(`runs an effect of an uninterruptible caller to its end under ${name}`, () =>
      Effect.gen(function* () {
        let ended: unknown
        const slow = Effect.delay(
          Effect.sync(() => (ended = "whole")),
          ms(15)
        )
        const fiber = yield* Effect.fork(Effect.uninterruptible(withTimeout(slow, ms(500), late)))
        yield* Effect.yieldNow()
        const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* Effect.yieldNow()
        yield* pass
        yield* Fiber.join(interrupting)
        expect(ended).toBe("whole")
      })
    )

    it_(`ends an effect of an uninterruptible caller at the limit under ${name}`, () =>
      Effect.gen(function* () {
        const ref = FiberRef.unsafeMake(0)
        const fiber = yield* Effect.fork(
          Effect.uninterruptible(
            Effect.gen(function* () {
              const error = yield* Effect.flip(withTimeout(never, ms(15), late))
              yield* withTimeout(FiberRef.set(ref, 1), ms(15), late)
              return [error, yield* FiberRef.get(ref)]
            })
          )
        )
        yield* Effect.yieldNow()
        yield* pass
        expect(yield* Fiber.join(fiber)).toEqual(["late", 1])
      })
    )
  }

  it.effect("uses the test clock under the test clock", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(withTimeout(never, Duration.hours(1), late)))
      yield* TestClock.adjust("59 minutes")
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(fiber)).toBe("late")
    })
  )
})
