import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { WallClock } from "../../../src/internal/refresh/wallClock.js"
import { Machine } from "../../support/machine.js"

describe("WallClock", () => {
  const setup = Effect.sync(() => {
    const machine = new Machine()
    const clock = new WallClock(machine)
    const startedAt = machine.unsafeCurrentTimeMillis()
    /** The corrected time since the start, in milliseconds. */
    const now = () => clock.correct(machine.unsafeCurrentTimeMillis()) - startedAt
    return { clock, machine, now }
  })

  it.live("continues after the wall clock was set back", () =>
    Effect.gen(function* () {
      const { machine, now } = yield* setup
      yield* machine.pass("10 seconds")
      expect(now()).toBe(10_000)
      machine.moved = -3_600_000
      expect(now()).toBe(10_000)
      yield* machine.pass("5 seconds")
      expect(now()).toBe(15_000)
      machine.moved = -7_200_000
      expect(now()).toBe(15_000)
    })
  )

  it.live("follows a wall clock that is set forward, or corrected by less than a second", () =>
    Effect.gen(function* () {
      const { machine, now } = yield* setup
      yield* machine.pass("10 seconds")
      expect(now()).toBe(10_000)
      machine.moved = -999
      expect(now()).toBe(9_001)
      machine.moved = 3_600_000
      expect(now()).toBe(3_610_000)
    })
  )

  it.live("shows the wall clock again after a restart", () =>
    Effect.gen(function* () {
      const { clock, machine, now } = yield* setup
      yield* machine.pass("10 seconds")
      now()
      machine.moved = -5_000
      expect(now()).toBe(10_000)
      expect(clock.restart()).toBe(machine.unsafeCurrentTimeMillis())
      expect(now()).toBe(5_000)
    })
  )
})
