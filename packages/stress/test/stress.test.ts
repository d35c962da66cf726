// The command line of `npm run stress`. `.ci/run` runs the short form of every case.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cases } from "../src/cases.js"
import { readFileSync } from "node:fs"
import * as Attempts from "../src/Attempts.js"
import * as Options from "../src/Options.js"
import * as Report from "../src/Report.js"
import * as Stress from "../src/Stress.js"

describe("npm run stress", () => {
  it.effect("accepts the name of a case, or all", () =>
    Effect.gen(function* () {
      const one = yield* Options.parse(["duplicates", "--json"], cases)
      expect([one.selected.map(({ name }) => name), one.json, one.short]).toEqual([["duplicates"], true, false])
      const all = yield* Options.parse(["--short", "all"], cases)
      expect([all.selected, all.json, all.short, all.retry]).toEqual([cases, false, true, false])
      expect((yield* Options.parse(["all", "--retry"], cases)).retry).toBe(true)
    })
  )

  it("has a row in the documentation for each case, because CI expects a result of each row", () => {
    const page = readFileSync(new URL("../../../docs/reference/stress.md", import.meta.url), "utf8")
    const [table = ""] = page.split("\nEach guarantee ")
    const documented = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name)
    expect(documented.toSorted()).toEqual(cases.map(({ name }) => name).toSorted())
  })

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
    const figures = { harms: 12_345, of: { a: 0.5 } }
    const result = { name: "one", ok: false, broken: ["nothing is broken"], skipped: ["no strace"], figures }
    expect(JSON.parse(Report.json(result))).toEqual(result)
    expect(Report.text(result)).toBe(
      "✗ one\n  harms  12 345\n  of.a     0.50\n  broken: nothing is broken\n  skipped: no strace\n"
    )
  })

  /** Runs a case that measures `values[n]` in attempt `n`. A value above 1 fails. */
  const outcomeOf = (values: ReadonlyArray<number>, retry: boolean) => {
    const lines: Array<string> = []
    let attempts = 0
    const one = Stress.make(
      "one",
      ({ reportProgress }) => Effect.as(reportProgress("skipped: no strace"), { value: values[attempts++] ?? 0 }),
      { "the value is small": ({ value }) => value <= 1 }
    )
    const print = (line: string) => Effect.sync(() => void lines.push(line))
    return Effect.map(Attempts.run(one, { short: true, retry, print }), ({ figures, ok, skipped }) => ({
      attempts,
      figures,
      lines: lines.length,
      ok,
      skipped
    }))
  }

  it.effect.each<[what: string, values: ReadonlyArray<number>, retry: boolean, ok: boolean, attempts: number]>([
    ["runs a case once if its assertions hold", [1, 9], true, true, 1],
    ["runs a case once without --retry", [9, 1], false, false, 1],
    ["counts the second attempt of a case with --retry", [9, 1], true, true, 2],
    ["has no third attempt", [9, 9, 1], true, false, 2]
  ])("%s", ([, values, retry, ok, attempts]) =>
    Effect.gen(function* () {
      const outcome = yield* outcomeOf(values, retry)
      expect(outcome).toMatchObject({ attempts, ok, figures: { value: values[attempts - 1] } })
      expect([outcome.lines, outcome.skipped]).toEqual([attempts * 2 - 1, ["no strace"]])
    })
  )
})
