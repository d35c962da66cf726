// The short form of every case of `npm run stress`.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cases } from "../src/cases.js"
import * as Options from "../src/Options.js"
import * as Report from "../src/Report.js"

describe("npm run stress", () => {
  it.effect("accepts the name of a case, or all", () =>
    Effect.gen(function* () {
      const one = yield* Options.parse(["duplicates", "--json"], cases)
      expect([one.selected.map(({ name }) => name), one.json, one.short]).toEqual([["duplicates"], true, false])
      const all = yield* Options.parse(["--short", "all"], cases)
      expect([all.selected, all.json, all.short]).toEqual([cases, false, true])
    })
  )

  it.effect.each([["prints the names of all cases for %j"], [], ["duplicates", "hostile"], ["--loud"]])(
    "lists the names for %j",
    (...args) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Options.parse(args.flat(), cases))
        expect(error._tag).toBe("UsageError")
        for (const { name } of cases) expect(error.message).toContain(name)
      })
  )

  it("prints name, result and figures as JSON, and the failed assertions too as text", () => {
    const result = { name: "one", ok: false, broken: ["nothing is broken"], figures: { harms: 12_345, of: { a: 0.5 } } }
    expect(JSON.parse(Report.json(result))).toEqual({ name: "one", ok: false, figures: result.figures })
    expect(Report.text(result)).toBe("✗ one\n  harms  12 345\n  of.a     0.50\n  broken: nothing is broken\n")
  })

  it.for(cases)(
    "passes all assertions of $name in its short form",
    // Times are compared with limits while other tests run. A busy machine gets a second attempt.
    { timeout: 600_000, retry: 1 },
    async ({ run }, { skip }) => {
      const lines: Array<string> = []
      const reportProgress = (what: string) => Effect.sync(() => void lines.push(what))
      const { broken, figures } = await Effect.runPromise(run({ short: true, reportProgress }))
      expect(broken, JSON.stringify(figures)).toEqual([])
      const missing = lines.filter((what) => what.startsWith("skipped: "))
      skip(missing.length > 0, missing.join("; "))
    }
  )
})
