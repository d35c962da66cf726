/** Typical mistakes of new users that TypeScript reports: the first error of each, from the compiler. */
import { beforeAll, describe, expect, it } from "vitest"
import type { FirstError } from "./mistakes/compile.js"
import { compile } from "./mistakes/compile.js"
import { allowed, declarations, mistakes } from "./mistakes/snippets.js"

describe("TypeScript's first error", () => {
  const all = [...mistakes, ...allowed]
  const errors = new Map<string, FirstError | undefined>()

  beforeAll(async () => {
    const found = await compile(all.map(({ code, isWhole }) => (isWhole === true ? code : declarations + code)))
    all.forEach(({ name }, index) => errors.set(name, found[index]))
  })

  it.each(mistakes)("names the cause of mistake $number: $name", (mistake) => {
    const [code, at, ...parts] = mistake.error
    const error = errors.get(mistake.name)
    expect(error).toMatchObject({ code, at })
    for (const part of parts) expect(error?.message).toContain(part)
  })

  it.each(allowed)("does not exist for $number: $name", (mistake) => {
    expect(errors.has(mistake.name)).toBe(true)
    expect(errors.get(mistake.name)).toBeUndefined()
  })
})
