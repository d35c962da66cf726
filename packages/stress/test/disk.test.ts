// Store variants and figures that fail the assertions of the case `disk-faults`. `.ci/run` runs its short form.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Tracer from "../src/crash/tracer.js"
import * as DiskFaults from "../src/disk/diskFaults.js"
import type * as Stress from "../src/Stress.js"
import { expectEachBroken } from "./support/assertions.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

const one: DiskFaults.FaultResult = {
  by: "strace",
  rounds: 10,
  intact: 10,
  served: 10,
  told: 10,
  goesOn: 10,
  renewed: 10,
  saved: 10,
  savedAfterMs: 900
}

const good: DiskFaults.DiskFaults = { full: one, unflushed: one, readOnly: one }

describe("disk-faults", () => {
  it("fails an assertion for each bad figure", () => {
    const bad: ReadonlyArray<DiskFaults.DiskFaults> = [
      { ...good, full: { ...one, intact: 9 } },
      { ...good, unflushed: { ...one, served: 9 } },
      { ...good, readOnly: { ...one, told: 9 } },
      { ...good, full: { ...one, goesOn: 9 } },
      { ...good, unflushed: { ...one, saved: 9 } }
    ]
    expectEachBroken(DiskFaults.assertions, good, bad)
  })

  it.live.skipIf(!Tracer.isAvailable())("catches a store that never retries a failed write", () =>
    Effect.map(DiskFaults.measureOne("ENOSPC", "neverRetries")(short), ({ rounds, saved, served, told }) => {
      expect(rounds).toBeGreaterThan(0)
      expect([served, told, saved]).toEqual([rounds, rounds, 0])
    })
  )

  it.live.skipIf(!Tracer.isAvailable())("catches a store that reports a failed write as stored", () =>
    Effect.map(DiskFaults.measureOne("EIO", "hidesFailures")(short), ({ rounds, saved, told }) => {
      expect(rounds).toBeGreaterThan(0)
      expect([told, saved]).toEqual([0, 0])
    })
  )
})
