/** The codemod of `npm run effect4`: sources for Effect 3, rewritten for Effect 4. */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { root } from "../../../.config/packages/command.js"
import { cases } from "./effect4/cases.js"
import { rewriteAll } from "./effect4/rewrite.js"

describe("the codemod for Effect 4", () => {
  let once: ReadonlyArray<string> = []
  let twice: ReadonlyArray<string> = []

  beforeAll(() => {
    const texts = rewriteAll([...cases.map(({ before }) => before), ...cases.map(({ after }) => after)])
    once = texts.slice(0, cases.length)
    twice = texts.slice(cases.length)
  })

  it.each(cases.map(({ after, name }, index) => [name, after, index] as const))("%s", (_, after, index) => {
    expect(once[index]).toBe(after)
  })

  it("changes no source that it has rewritten", () => {
    expect(twice).toEqual(cases.map(({ after }) => after))
  })
})

describe("the modules that replace modules for Effect 4", () => {
  const overrides = readdirSync(join(root, ".config/effect4/overrides"), { recursive: true, encoding: "utf8" })
  const modules = overrides.filter((file) => file.endsWith(".ts")).map((file) => file.replace("/", "/src/"))

  it.each(modules)("replaces packages/%s, which exists", (file) => {
    expect(existsSync(join(root, "packages", file))).toBe(true)
  })
})
