// Clients that break what `amplification` and `throttle` promise, and for each promise figures that do.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Amplification from "../src/amplification.js"
import * as Hold from "../src/throttle.js"
import * as Stress from "../src/Stress.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

/** Every promise is broken by one change or another of good figures, and by none of them all. */
const expectEachBroken = <F extends Stress.Measurements>(
  promises: Stress.Assertions<F>,
  good: F,
  bad: ReadonlyArray<F>
) => {
  expect(Stress.check(promises, good)).toEqual([])
  expect(new Set(bad.flatMap((figures) => Stress.check(promises, figures)))).toEqual(new Set(Object.keys(promises)))
}

describe("amplification", () => {
  it.live("catches a client that retries without a budget", () =>
    Effect.gen(function* () {
      const found = yield* Amplification.measure(Amplification.unbudgeted, Amplification.nestedUnbudgeted, 400)(short)
      for (const { sendsPerCall } of [found.busy, found.refusing, found.busyNested, found.refusingNested]) {
        expect(sendsPerCall).toBeGreaterThan(2)
      }
      expect(Stress.check(Amplification.promises, found)).toEqual(["an outage costs at most 1.2 sends a call"])
    })
  )

  it.live("catches clients within each other that both retry", () =>
    Effect.gen(function* () {
      const found = yield* Amplification.measure(Amplification.ours, Amplification.unsuppressed)(short)
      expect(found.busyNested.sends).toBeGreaterThan(found.busy.sends + 30)
      expect(found.refusingNested.sends).toBeGreaterThan(found.refusing.sends + 30)
      expect(Stress.check(Amplification.promises, found)).toEqual([
        "a client within another is retried as often as one alone, and no more"
      ])
    })
  )

  it("holds every figure against its promise", () => {
    const one = {
      calls: 100,
      sends: 110,
      sendsPerCall: 1.1,
      failedBefore: 0,
      failedInOutage: 100,
      recoveredPercent: 100
    }
    const all = (busyNested: typeof one) => ({ busy: one, refusing: one, busyNested, refusingNested: one })
    expectEachBroken(Amplification.promises, all(one), [
      all({ ...one, sends: 100 }),
      all({ ...one, failedBefore: 1 }),
      all({ ...one, failedInOutage: 80 }),
      all({ ...one, sendsPerCall: 1.21 }),
      all({ ...one, sendsPerCall: 0.9 }),
      all({ ...one, recoveredPercent: 98.9 })
    ])
  })
})

describe("throttle", () => {
  it.live("catches a client that holds nobody", () =>
    Effect.gen(function* () {
      // On a busy machine the sends take longer than two seconds. The client does not wait: 120 seconds exceed its limit.
      const { live, virtual } = yield* Hold.measure(Hold.unheld, 120)(short)
      expect([virtual, live].map(({ tooEarly }) => tooEarly)).toEqual([299, 299])
    })
  )

  it.live("catches a client that holds everybody, and then lets in all of them at once", () =>
    Effect.gen(function* () {
      const found = yield* Hold.measure(Hold.ungated)(short)
      expect(found.virtual.firstPercent).toBeGreaterThan(99)
      expect(Stress.check(Hold.promises, found)).toContain("at most a tenth is sent in the first 100 ms")
    })
  )

  it("holds every figure against its promise", () => {
    const one = { fibers: 100, succeeded: 100, tooEarly: 0, firstPercent: 10, lastMillis: 900 }
    const both = (live: typeof one) => ({ virtual: one, live })
    expectEachBroken(Hold.promises, both(one), [
      both({ ...one, succeeded: 99 }),
      both({ ...one, tooEarly: 1 }),
      both({ ...one, firstPercent: 10.1 }),
      { virtual: { ...one, firstPercent: 0 }, live: one },
      both({ ...one, lastMillis: 5001 })
    ])
  })
})
