// For each promise of the case `crash`, a writer or a figure that breaks it. Its short form runs in `stress.test.ts`.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Crash from "../src/crash/crash.js"
import * as Stress from "../src/Stress.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

const good: Crash.Crash = {
  kills: 1000,
  acknowledged: 2000,
  calls: 120,
  traced: 120,
  survived: 0,
  left: 800,
  torn: 0,
  lost: 0,
  strays: 0,
  secrets: 0
}

/** The promises that a writer breaks. The run ends when `isEnough`. */
const brokenBy = (...[writer, isEnough]: Parameters<typeof Crash.measure>) =>
  Effect.map(Crash.measure(writer, isEnough)(short), (figures) => Stress.check(Crash.promises, figures))

describe("crash", () => {
  it("breaks a promise for each figure that is bad", () => {
    expect(Stress.check(Crash.promises, good)).toEqual([])
    const bad: ReadonlyArray<Crash.Crash> = [
      { ...good, left: 10 },
      { ...good, survived: 1 },
      { ...good, torn: 1 },
      { ...good, lost: 1 },
      { ...good, acknowledged: 0 },
      { ...good, secrets: 1 },
      { ...good, strays: 1 }
    ]
    expect(new Set(bad.flatMap((figures) => Stress.check(Crash.promises, figures)))).toEqual(
      new Set(Object.keys(Crash.promises))
    )
    for (const figures of bad) expect(Stress.check(Crash.promises, figures)).not.toEqual([])
  })

  it.live("catches a writer that writes its file in place", () =>
    Effect.map(
      brokenBy("inPlace", ({ torn }) => torn > 0),
      (broken) => expect(broken).toContain("the file is whole after each kill")
    )
  )

  it.live("catches a writer that says that it is done when it has begun", () =>
    Effect.map(
      brokenBy("hasty", ({ lost }) => lost > 0),
      (broken) => expect(broken).toContain("what was told to be durable is there after each kill")
    )
  )

  it.live("catches a writer whose temporary file nobody clears away", () =>
    Effect.map(
      brokenBy("untidy", ({ secrets }) => secrets > 0),
      (broken) => expect(broken).toContain("no secret is left beside the file after the next start")
    )
  )
})
