// Writers and figures that fail the assertions of the case `crash`. `.ci/run` runs its short form.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Crash from "../src/crash/crash.js"
import * as Stress from "../src/Stress.js"
import { expectEachBroken } from "./support/assertions.js"

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

/** The assertions that a writer fails. The run ends when `isEnough`. */
const brokenBy = (...[writer, isEnough]: Parameters<typeof Crash.measure>) =>
  Effect.map(Crash.measure(writer, isEnough)(short), (figures) => Stress.check(Crash.assertions, figures))

describe("crash", () => {
  it("fails an assertion for each bad figure", () => {
    const bad: ReadonlyArray<Crash.Crash> = [
      { ...good, left: 10 },
      { ...good, survived: 1 },
      { ...good, torn: 1 },
      { ...good, lost: 1 },
      { ...good, acknowledged: 0 },
      { ...good, secrets: 1 },
      { ...good, strays: 1 }
    ]
    expectEachBroken(Crash.assertions, good, bad)
  })

  it.live("catches a writer that overwrites its file in place", () =>
    Effect.map(
      brokenBy("overwritesFile", ({ torn }) => torn > 0),
      (broken) => expect(broken).toContain("the file is complete after each kill")
    )
  )

  it.live("catches a writer that acknowledges a write when it has only started", () =>
    Effect.map(
      brokenBy("acknowledgesEarly", ({ lost }) => lost > 0),
      (broken) => expect(broken).toContain("every acknowledged token is stored after each kill")
    )
  )

  it.live("catches a writer that never removes its temporary file", () =>
    Effect.map(
      brokenBy("leavesTemporaryFile", ({ secrets }) => secrets > 0),
      (broken) => expect(broken).toContain("no other file contains a secret after the next start")
    )
  )
})
