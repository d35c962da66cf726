// Clients and figures that fail the assertions of the cases `amplification` and `throttle`.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Amplification from "../src/amplification.js"
import * as Throttle from "../src/throttle.js"
import * as Stress from "../src/Stress.js"
import { expectEachBroken } from "./support/assertions.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

describe("amplification", () => {
  it.live("catches a client that retries without a budget", () =>
    Effect.gen(function* () {
      const found = yield* Amplification.measure(Amplification.unbudgeted, Amplification.nestedUnbudgeted, 400)(short)
      for (const { sendsPerCall } of [found.busy, found.refusing, found.busyNested, found.refusingNested]) {
        expect(sendsPerCall).toBeGreaterThan(2)
      }
      expect(Stress.check(Amplification.assertions, found)).toEqual(["an outage causes at most 1.2 requests per call"])
    })
  )

  it.live("catches nested clients that both retry", () =>
    Effect.gen(function* () {
      const found = yield* Amplification.measure(Amplification.ours, Amplification.unsuppressed)(short)
      expect(found.busyNested.sends).toBeGreaterThan(found.busy.sends + 30)
      expect(found.refusingNested.sends).toBeGreaterThan(found.refusing.sends + 30)
      expect(Stress.check(Amplification.assertions, found)).toEqual([
        "a nested client sends as many requests as a single client"
      ])
    })
  )

  it("fails each assertion for some bad figures", () => {
    const one = {
      calls: 100,
      sends: 110,
      sendsPerCall: 1.1,
      failedBefore: 0,
      failedInOutage: 100,
      recoveredPercent: 100
    }
    const all = (busyNested: typeof one) => ({ busy: one, refusing: one, busyNested, refusingNested: one })
    expectEachBroken(Amplification.assertions, all(one), [
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
  it.live("catches a client without a throttle", () =>
    Effect.gen(function* () {
      // On a busy machine, sending takes longer than two seconds. 120 seconds exceed the client's limit, so it does not
      // wait.
      const { live, virtual } = yield* Throttle.measure(Throttle.unthrottled, 120)(short)
      expect([virtual, live].map(({ tooEarly }) => tooEarly)).toEqual([299, 299])
    })
  )

  it.live("catches a throttle that admits all requests at once", () =>
    Effect.gen(function* () {
      const found = yield* Throttle.measure(Throttle.ungradual)(short)
      expect(found.virtual.firstPercent).toBeGreaterThan(99)
      expect(Stress.check(Throttle.assertions, found)).toContain(
        "at most 10 % of the requests are sent in the first 100 ms"
      )
    })
  )

  it("fails each assertion for some bad figures", () => {
    const one = { fibers: 100, succeeded: 100, tooEarly: 0, firstPercent: 10, lastMillis: 900 }
    const both = (live: typeof one) => ({ virtual: one, live })
    expectEachBroken(Throttle.assertions, both(one), [
      both({ ...one, succeeded: 99 }),
      both({ ...one, tooEarly: 1 }),
      both({ ...one, firstPercent: 10.1 }),
      { virtual: { ...one, firstPercent: 0 }, live: one },
      both({ ...one, lastMillis: 5001 })
    ])
  })
})
