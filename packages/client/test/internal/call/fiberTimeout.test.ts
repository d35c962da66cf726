/** The bound that costs a timer: what it must not do to the fiber that it interrupts. Under the live clock. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { current, locally } from "../../../src/internal/call/context.js"
import type { Call } from "../../../src/internal/call/context.js"
import { bound } from "../../../src/internal/call/fiberTimeout.js"

const ms = Duration.millis
const within = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Duration,
  onTimeout: () => E2,
  call?: () => Call
): Effect.Effect<A, E | E2, R> => bound(duration)(effect, onTimeout, undefined, call)

const late = () => "late" as const

/** A wait that the timer has to end: nothing else would. */
const never: Effect.Effect<never> = Effect.never

describe("A bound on time", () => {
  it.live("an effect in time gives its value, or its error, and is never touched again", () =>
    Effect.gen(function* () {
      expect(yield* within(Effect.succeed(1), ms(5), late)).toBe(1)
      expect(yield* Effect.flip(within(Effect.fail("own"), ms(5), late))).toBe("own")
      // Longer than either bound: a timer that was left behind would strike here.
      yield* Effect.sleep(20)
    })
  )

  it.live("an effect that waits for ever is interrupted, and its caller goes on uninterrupted", () =>
    Effect.gen(function* () {
      let finalized = false
      const slow = Effect.onInterrupt(never, () => Effect.sync(() => (finalized = true)))
      expect(yield* Effect.flip(within(slow, ms(5), late))).toBe("late")
      expect(finalized).toBe(true)
      yield* Effect.sleep(5)
      yield* Effect.yieldNow()
    })
  )

  it.live("one that never suspends is interrupted too", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(within(Effect.forever(Effect.yieldNow()), ms(5), late))).toBe("late")
    })
  )

  it.live("finalizers are waited for", () =>
    Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      const slow = Effect.ensuring(never, Effect.sleep(30))
      expect(yield* Effect.flip(within(slow, ms(5), late))).toBe("late")
      expect((yield* Clock.currentTimeMillis) - began).toBeGreaterThanOrEqual(30)
    })
  )

  it.live("of two bounds, the one that struck answers, and the other's catch does not hear of it", () =>
    Effect.gen(function* () {
      const inner = Effect.either(within(never, ms(5), () => "inner" as const))
      expect(yield* within(inner, ms(500), late)).toMatchObject({ _tag: "Left", left: "inner" })
      const caught = Effect.catchAllCause(
        within(never, ms(500), () => "inner" as const),
        () => Effect.succeed("caught")
      )
      expect(yield* Effect.flip(within(caught, ms(5), late))).toBe("late")
      yield* Effect.sleep(5)
    })
  )

  it.live("bounds that strike at once leave nothing behind", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 20; n++) {
        const both = within(Effect.either(within(never, ms(2), () => "inner" as const)), ms(2), late)
        yield* Effect.either(both)
        yield* Effect.yieldNow()
      }
    })
  )

  it.live("fibers that the caller forked before live on", () =>
    Effect.gen(function* () {
      const release = yield* Deferred.make<string>()
      const child = yield* Effect.fork(Deferred.await(release))
      expect(yield* Effect.flip(within(never, ms(5), late))).toBe("late")
      yield* Deferred.succeed(release, "alive")
      expect(yield* Fiber.join(child)).toBe("alive")
    })
  )

  it.live("an interruption by somebody else is one, and no timeout", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.either(within(never, ms(500), late)))
      yield* Effect.sleep(5)
      const exit = yield* Fiber.interrupt(fiber)
      expect(Exit.isInterrupted(exit)).toBe(true)
    })
  )

  it.live("what cannot be interrupted within it is waited for, and comes too late", () =>
    Effect.gen(function* () {
      let done = false
      const slow = Effect.zipRight(
        Effect.sleep(20),
        Effect.sync(() => (done = true))
      )
      expect(yield* Effect.flip(within(Effect.uninterruptible(slow), ms(5), late))).toBe("late")
      expect(done).toBe(true)
      yield* Effect.sleep(5)
    })
  )

  it.live("a caller that cannot be interrupted, because it acquires or releases something, is bounded too", () =>
    Effect.gen(function* () {
      const acquiring = Effect.acquireRelease(within(never, ms(5), late), () => Effect.void)
      expect(yield* Effect.flip(Effect.scoped(acquiring))).toBe("late")
      let released: unknown
      const releasing = Effect.map(Effect.flip(within(never, ms(5), late)), (error) => (released = error))
      const fiber = yield* Effect.fork(Effect.ensuring(never, releasing))
      yield* Effect.sleep(5)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(released).toBe("late")
    })
  )

  it.live("the call that it begins is the fiber's inside, and not after, however it ends", () =>
    Effect.gen(function* () {
      const call = { deadline: 1, retrying: true, shared: { sends: 0, over: false, within: undefined } }
      const seen = yield* within(current, ms(50), late, () => call)
      expect(seen).toBe(call)
      yield* Effect.flip(within(never, ms(5), late, () => call))
      yield* Effect.flip(within(Effect.fail("own"), ms(50), late, () => call))
      expect((yield* current).retrying).toBe(false)
    })
  )

  it.live("a part of the call that was entered within it, and struck, is left", () =>
    Effect.gen(function* () {
      const call = {
        deadline: Number.POSITIVE_INFINITY,
        retrying: false,
        shared: { sends: 0, over: false, within: undefined }
      }
      const struck = within(locally(never, { ...call, retrying: true }), ms(5), late)
      const after = Effect.zipRight(Effect.flip(struck), current)
      expect(yield* within(after, ms(500), late, () => call)).toBe(call)
    })
  )

  it.live("many under one bound are each struck in their time, and those in time are not", () =>
    Effect.gen(function* () {
      // Far longer than those in time need, also on a machine that has other things to do.
      const bounded = bound(ms(400))
      const one = (n: number) =>
        Effect.delay(bounded(n % 3 === 0 ? never : Effect.as(Effect.sleep(n % 7), n), late, undefined), ms(n % 20))
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

  it.effect("under a test's clock it is that clock which strikes", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(within(never, Duration.hours(1), late)))
      yield* TestClock.adjust("59 minutes")
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(fiber)).toBe("late")
    })
  )
})
