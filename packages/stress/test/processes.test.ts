// For each promise of the case `processes`, a client or a figure that breaks it. Its short form runs in `stress.test.ts`.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Processes from "../src/processes/processes.js"
import * as Stress from "../src/Stress.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

const one: Processes.Shared = {
  processes: 8,
  seconds: 60,
  refreshes: 900,
  replays: 0,
  calls: 5000,
  refused: 900,
  failed: 0,
  failures: "",
  waitMedianMs: 0,
  waitMaxMs: 900,
  windowMedianMs: 25,
  windowMaxMs: 60,
  stops: 0,
  longestStopMs: 0,
  kills: 0,
  revocations: 0,
  unclosable: 0,
  inStep: true
}

const good: Processes.Processes = {
  plain: one,
  stopped: { ...one, stops: 20, longestStopMs: 10_000 },
  killed: { ...one, kills: 100, unclosable: 30, inStep: false },
  graced: { ...one, kills: 100, replays: 30, inStep: false },
  ahead: one,
  behind: one
}

describe("processes", () => {
  it("breaks a promise for each figure that is bad", () => {
    expect(Stress.check(Processes.promises, good)).toEqual([])
    const bad: ReadonlyArray<Processes.Processes> = [
      { ...good, ahead: { ...one, refreshes: 0 } },
      { ...good, stopped: { ...good.stopped, stops: 0 } },
      { ...good, graced: { ...good.graced, kills: 0 } },
      { ...good, killed: { ...good.killed, revocations: 1 } },
      { ...good, stopped: { ...good.stopped, revocations: 1 } },
      { ...good, behind: { ...one, unclosable: 1 } },
      { ...good, graced: { ...good.graced, unclosable: 1 } },
      { ...good, killed: { ...good.killed, unclosable: 101 } },
      { ...good, plain: { ...one, inStep: false } },
      { ...good, ahead: { ...one, failed: 51 } }
    ]
    expect(new Set(bad.flatMap((figures) => Stress.check(Processes.promises, figures)))).toEqual(
      new Set(Object.keys(Processes.promises))
    )
    for (const figures of bad) expect(Stress.check(Processes.promises, figures)).not.toEqual([])
  })

  it.live("catches a client that refreshes with what it read before it had the lock", () =>
    Effect.gen(function* () {
      const { refreshes, revocations, unclosable } = yield* Processes.measureOne("plain", "first")(short)
      expect(refreshes).toBeGreaterThan(0)
      expect(revocations).toBeGreaterThan(0)
      expect(unclosable).toBe(0)
    })
  )
})
