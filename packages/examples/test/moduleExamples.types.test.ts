/** The examples in the docstrings of the packages: each public module has one, and each one compiles as a module. */
import { readdirSync, readFileSync } from "node:fs"
import { beforeAll, describe, expect, it } from "vitest"
import type { FirstError } from "./mistakes/compile.js"
import { compileModules } from "./mistakes/compile.js"
import { publishedPackages } from "./optionNames/publishedPackages.js"
import { root } from "./support/shownOutput.js"

interface Example {
  /** The file and line of the tag. */
  readonly where: string
  readonly code: string
}

const docstring = /\/\*\*[\s\S]*?\*\//g

/** An example ends at the next tag, and nothing but code belongs to it. */
const exampleTag = /@example[^\n]*\n([\s\S]*?)(?=\n@\w|$)/g

const withoutStars = (comment: string): string =>
  comment
    .slice(3, -2)
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")

const withoutFence = (code: string): string => code.replace(/^```ts\n/, "").replace(/\n```\s*$/, "\n")

const examplesOf = (file: string): ReadonlyArray<Example> => {
  const text = readFileSync(`${root}${file}`, "utf8")
  return Array.from(text.matchAll(docstring)).flatMap(({ 0: comment, index }) =>
    Array.from(withoutStars(comment).matchAll(exampleTag), ([, code = ""]) => ({
      where: `${file}:${text.slice(0, index).split("\n").length}`,
      code: `${withoutFence(code)}\nexport {}\n`
    }))
  )
}

/** The public modules: all but the root modules, which export them as namespaces, and those of `internal`. */
const modules = publishedPackages.flatMap((name) =>
  readdirSync(`${root}packages/${name}/src`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && file !== "index.ts" && !file.startsWith("internal/"))
    .map((file) => `packages/${name}/src/${file}`)
)

const examples = modules.flatMap(examplesOf)

describe("the examples of docstrings", () => {
  const errors = new Map<string, FirstError | undefined>()

  beforeAll(async () => {
    const found = await compileModules(examples.map(({ code }) => code))
    examples.forEach(({ where }, index) => errors.set(where, found[index]))
  }, 240_000)

  it("finds more than 100 examples", () => {
    expect(examples.length).toBeGreaterThan(100)
  })

  it.each(modules)("shows an example in %s", (file) => {
    expect(examplesOf(file)).not.toHaveLength(0)
  })

  it.each(examples)("compiles the example at $where", ({ where }) => {
    expect(errors.has(where)).toBe(true)
    expect(errors.get(where)).toBeUndefined()
  })
})
