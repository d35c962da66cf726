// The short form of every case of `npm run stress`.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cases } from "../src/cases.js"
import * as Options from "../src/Options.js"
import * as Report from "../src/Report.js"

describe("npm run stress", () => {
  it.effect("takes a name, or all", () =>
    Effect.gen(function* () {
      const one = yield* Options.parse(["duplicates", "--json"], cases)
      expect([one.chosen.map(({ name }) => name), one.json, one.short]).toEqual([["duplicates"], true, false])
      const all = yield* Options.parse(["--short", "all"], cases)
      expect([all.chosen, all.json, all.short]).toEqual([cases, false, true])
    })
  )

  it.effect.each([["nope"], [], ["duplicates", "hostile"], ["--loud"]])("lists the names for %j", (...args) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Options.parse(args.flat(), cases))
      expect(error._tag).toBe("UsageError")
      for (const { name } of cases) expect(error.message).toContain(name)
    })
  )

  it("tells programs the name, whether it is ok, and the figures, and people also what was broken", () => {
    const result = { name: "one", ok: false, broken: ["no harm is done"], figures: { harms: 12_345, of: { a: 0.5 } } }
    expect(JSON.parse(Report.json(result))).toEqual({ name: "one", ok: false, figures: result.figures })
    expect(Report.text(result)).toBe("✗ one\n  harms  12 345\n  of.a     0.50\n  broken: no harm is done\n")
  })

  it.for(cases)(
    "$name: keeps its promises, in the short form",
    // Times are held against bounds, and other tests run beside this one: a busy machine gets a second chance.
    { timeout: 600_000, retry: 1 },
    async ({ run }, { skip }) => {
      const said: Array<string> = []
      const reportProgress = (what: string) => Effect.sync(() => void said.push(what))
      const { broken, figures } = await Effect.runPromise(run({ short: true, reportProgress }))
      expect(broken, JSON.stringify(figures)).toEqual([])
      const missing = said.filter((what) => what.startsWith("skipped: "))
      skip(missing.length > 0, missing.join("; "))
    }
  )
})
