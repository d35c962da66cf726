/** The one way to wait, with each clock and each wait strategy. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as WaitStrategy from "@countersign/client/WaitStrategy"
import { contextOf } from "../../../src/internal/call/context.js"
import { waitUntil } from "../../../src/internal/call/wait.js"
import { unsafeMonotonicNow } from "../../../src/internal/time/clock.js"

/** A source that a test ends, with counts of its starts, polls and cancellations. */
const makeSource = () => {
  const seen = { started: 0, cancelled: 0, polled: 0 }
  let outcome: Exit.Exit<string> | undefined
  let resume: (outcome: Exit.Exit<string>) => void = () => undefined
  const source = {
    start: (onOutcome: (outcome: Exit.Exit<string>) => void) => {
      seen.started++
      resume = onOutcome
      if (outcome !== undefined) onOutcome(outcome)
      return () => void seen.cancelled++
    },
    poll: () => {
      seen.polled++
      return outcome
    }
  }
  const end = (value: string) => {
    outcome = Exit.succeed(value)
    resume(outcome)
  }
  return { seen, source, end }
}

const late = Effect.fail("late" as const)

/** Waits for a source, for at most `ms` milliseconds. */
const wait = ({ source }: ReturnType<typeof makeSource>, ms: number) =>
  Effect.withFiberRuntime<string, "late">((fiber) =>
    waitUntil(source, unsafeMonotonicNow(fiber) + ms, () => late, contextOf(fiber))
  )

const polling = Effect.provideService(WaitStrategy.WaitStrategy, "poll")

describe("waitUntil", () => {
  it.live("returns an outcome that comes at once or later, and cancels nothing", () =>
    Effect.gen(function* () {
      const now = makeSource()
      now.end("now")
      expect(yield* wait(now, 1000)).toBe("now")
      const later = makeSource()
      const fiber = yield* Effect.fork(wait(later, 1000))
      yield* Effect.yieldNow()
      later.end("later")
      later.end("again")
      expect(yield* Fiber.join(fiber)).toBe("later")
      for (const { seen } of [now, later]) expect(seen).toEqual({ started: 1, cancelled: 0, polled: 0 })
    })
  )

  it.live("ends at the limit and cancels the source once, also in an uninterruptible fiber", () =>
    Effect.gen(function* () {
      for (const around of [Effect.interruptible, Effect.uninterruptible]) {
        const source = makeSource()
        expect(yield* Effect.either(around(wait(source, 20)))).toMatchObject({ _tag: "Left", left: "late" })
        source.end("too late")
        expect(source.seen).toEqual({ started: 1, cancelled: 1, polled: 0 })
      }
    })
  )

  it.live("cancels the source on an interruption", () =>
    Effect.gen(function* () {
      const source = makeSource()
      const fiber = yield* Effect.fork(wait(source, 1000))
      yield* Effect.yieldNow()
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(source.seen.cancelled).toBe(1)
    })
  )

  it.live("does not start after the limit", () =>
    Effect.gen(function* () {
      const source = makeSource()
      expect(yield* Effect.flip(wait(source, 0))).toBe("late")
      expect(source.seen.started).toBe(0)
    })
  )

  it.live("waits without a limit, and beyond the longest timer of the platform", () =>
    Effect.gen(function* () {
      for (const ms of [Number.POSITIVE_INFINITY, 2 ** 31]) {
        const source = makeSource()
        const fiber = yield* Effect.fork(wait(source, ms))
        yield* Effect.sleep(10)
        expect(yield* Fiber.poll(fiber)).toEqual(Option.none())
        source.end("late")
        expect(yield* Fiber.join(fiber)).toBe("late")
      }
    })
  )

  it.effect("counts by the test clock, and by that one only", () =>
    Effect.gen(function* () {
      const source = makeSource()
      const fiber = yield* Effect.fork(Effect.flip(wait(source, 3_000_000_000)))
      yield* TestClock.adjust(2_999_999_999)
      expect([yield* Fiber.poll(fiber), source.seen.cancelled]).toEqual([Option.none(), 0])
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(fiber)).toBe("late")
      expect(source.seen).toEqual({ started: 1, cancelled: 1, polled: 0 })
    })
  )

  it.effect("polls every 20 ms where fibers poll, and ends at the limit", () =>
    Effect.gen(function* () {
      const source = makeSource()
      const fiber = yield* Effect.fork(polling(wait(source, 1000)))
      yield* TestClock.adjust(60)
      expect(source.seen).toEqual({ started: 0, cancelled: 0, polled: 4 })
      source.end("found")
      yield* TestClock.adjust(20)
      expect(yield* Fiber.join(fiber)).toBe("found")
      const never = yield* Effect.fork(Effect.flip(polling(wait(makeSource(), 50))))
      yield* TestClock.adjust(49)
      expect(yield* Fiber.poll(never)).toEqual(Option.none())
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(never)).toBe("late")
    })
  )

  it.live("reports an exception of the source's cancellation as a defect of this wait", () =>
    Effect.gen(function* () {
      const source = makeSource()
      source.source.start = () => () => {
        throw new Error("boom")
      }
      const exit = yield* Effect.exit(wait(source, 10))
      expect(Exit.isFailure(exit) && String(exit.cause)).toContain("boom")
    })
  )
})
