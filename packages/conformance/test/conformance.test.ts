import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as Case from "../src/Case.js"
import { ours } from "../src/Client.js"
import * as Options from "../src/Options.js"
import * as Report from "../src/Report.js"
import { servers } from "../src/servers.js"

describe.each(servers)("$name", ({ cases }) => {
  it.for(cases.map((one) => [one.name, one] as const))(
    "runs %s with the published client",
    async ([_, one], { skip }) => {
      const { observed, ok, skipped } = await Effect.runPromise(Case.run(one, ours))
      skip(skipped === true, observed)
      expect(ok, observed).toBe(true)
      expect(observed).not.toContain("canary")
    }
  )

  it("has unique case names, all of them documented", () => {
    const names = cases.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    const page = readFileSync(new URL("../../../docs/reference/conformance.md", import.meta.url), "utf8")
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })
})

describe("npm run conformance", () => {
  it.effect("accepts the name of a server", () =>
    Effect.gen(function* () {
      const { json, server } = yield* Options.parse(["oidc-provider", "--json"], servers)
      expect([server.name, json]).toEqual(["oidc-provider", true])
    })
  )

  it.effect.each([["nope"], [], ["oidc-provider", "more"], ["oidc-provider", "--loud"]])(
    "rejects %j and lists the names",
    (args) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Options.parse(args, servers))
        expect(error._tag).toBe("UsageError")
        for (const { name } of servers) expect(error.message).toContain(name)
      })
  )

  const good: Case.CaseResult = { name: "a", ok: true, observed: "it was so" }
  const bad: Case.CaseResult = { name: "b", ok: false, observed: "it was not" }
  const skipped: Case.CaseResult = { name: "c", ok: false, observed: "nothing to try it with", skipped: true }

  it("prints each case as JSON, and a skipped one as not ok", () => {
    const result = { name: "s", outcomes: [good, skipped] }
    expect(JSON.parse(Report.json(result))).toEqual({ name: "s", ok: true, cases: [good, skipped] })
    expect(Report.isOk({ name: "s", outcomes: [good, bad, skipped] })).toBe(false)
    expect(Report.isOk({ name: "s", outcomes: [] })).toBe(false)
  })

  it("prints one line for each case", () => {
    expect(Report.text({ name: "s", outcomes: [good, bad, skipped] })).toBe(
      "✗ s: 1 ok, 1 wrong, 1 skipped\n  ✓ a  it was so\n  ✗ b  it was not\n  - c  nothing to try it with"
    )
  })

  it.live("ends an endless case, even if it is uninterruptible", () =>
    Effect.gen(function* () {
      const stays = Case.succeeds("stays", () => Effect.uninterruptible(Effect.never))
      const outcome = yield* Case.run(stays, ours, "50 millis")
      expect(outcome).toEqual({ name: "stays", ok: false, observed: "CaseFailed: it did not end" })
    })
  )

  it.live("reports a defect of a case, and a skipped case", () =>
    Effect.gen(function* () {
      const dies = Case.succeeds("dies", () => Effect.dieMessage("of something"))
      expect(yield* Case.run(dies, ours)).toMatchObject({
        ok: false,
        observed: expect.stringContaining("of something")
      })
      const cannot = Case.succeeds("cannot", () => new Case.CaseSkipped({ message: "nothing to try it with" }))
      expect(yield* Case.run(cannot, ours)).toEqual({ ...skipped, name: "cannot" })
    })
  )
})
