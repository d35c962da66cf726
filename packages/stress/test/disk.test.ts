// For each promise of the case `disk-faults`, a saver or a figure that breaks it. Its short form runs in `stress.test.ts`.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Tracer from "../src/crash/tracer.js"
import * as Disk from "../src/disk/diskFaults.js"
import * as Stress from "../src/Stress.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

const one: Disk.Faulty = {
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

const good: Disk.Disks = { full: one, unflushed: one, readOnly: one }

describe("disk-faults", () => {
  it("breaks a promise for each figure that is bad", () => {
    expect(Stress.check(Disk.promises, good)).toEqual([])
    const bad: ReadonlyArray<Disk.Disks> = [
      { ...good, full: { ...one, intact: 9 } },
      { ...good, unflushed: { ...one, served: 9 } },
      { ...good, readOnly: { ...one, told: 9 } },
      { ...good, full: { ...one, goesOn: 9 } },
      { ...good, unflushed: { ...one, saved: 9 } }
    ]
    expect(new Set(bad.flatMap((figures) => Stress.check(Disk.promises, figures)))).toEqual(
      new Set(Object.keys(Disk.promises))
    )
    for (const figures of bad) expect(Stress.check(Disk.promises, figures)).not.toEqual([])
  })

  it.live.skipIf(!Tracer.isThere())("catches a saver that gives up", () =>
    Effect.map(Disk.measureOne("ENOSPC", "givingUp")(short), ({ rounds, saved, served, told }) => {
      expect(rounds).toBeGreaterThan(0)
      expect([served, told, saved]).toEqual([rounds, rounds, 0])
    })
  )

  it.live.skipIf(!Tracer.isThere())("catches a store that says that it has stored what it could not", () =>
    Effect.map(Disk.measureOne("EIO", "silent")(short), ({ rounds, saved, told }) => {
      expect(rounds).toBeGreaterThan(0)
      expect([told, saved]).toEqual([0, 0])
    })
  )
})
