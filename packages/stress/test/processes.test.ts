// Store variants and figures that fail the assertions of the case `processes`. `.ci/run` runs its short form.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Disturbances from "../src/processes/disturbances.js"
import * as Processes from "../src/processes/processes.js"
import type * as Stress from "../src/Stress.js"
import { expectEachBroken } from "./support/assertions.js"
import { good, one } from "./support/figures.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

describe("processes", () => {
  it("fails an assertion for each bad figure", () => {
    const bad: ReadonlyArray<Disturbances.StoreFigures> = [
      { ...good, ahead: { ...one, refreshes: 0 } },
      { ...good, stopped: { ...good.stopped, stops: 0 } },
      { ...good, graced: { ...good.graced, kills: 0 } },
      { ...good, killed: { ...good.killed, revocations: 1 } },
      { ...good, stopped: { ...good.stopped, revocations: 1 } },
      { ...good, behind: { ...one, unavoidable: 1 } },
      { ...good, graced: { ...good.graced, unavoidable: 1 } },
      { ...good, killed: { ...good.killed, unavoidable: 101 } },
      { ...good, plain: { ...one, isInSync: false } },
      { ...good, ahead: { ...one, failed: 51 } }
    ]
    expectEachBroken(Disturbances.assertions, good, bad)
  })

  it.live("catches a process that refreshes with the token that it read before it had the lock", () =>
    Effect.gen(function* () {
      const { refreshes, revocations, unavoidable: unclosable } = yield* Processes.measureOne("plain", "first")(short)
      expect(refreshes).toBeGreaterThan(0)
      expect(revocations).toBeGreaterThan(0)
      expect(unclosable).toBe(0)
    })
  )
})
