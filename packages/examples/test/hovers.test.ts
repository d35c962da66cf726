/** The hovers of the most used names in an editor: each has a sentence of documentation. */
import { describe, expect, it } from "vitest"
import { hovers } from "./hovers/quickInfo.js"

/** The words outside of links. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  text
    .replace(/\{@link [^}]*\}/g, "")
    .split(/\s+/)
    .filter((word) => /\w/.test(word))

describe("the hover", () => {
  it("has a sentence of at least four words for each of the most used names", async () => {
    const all = await hovers()
    expect(all.length).toBeGreaterThan(50)
    for (const { name, type } of all) expect(type, name).not.toBe("")
    const poor = all.filter(({ text }) => wordsOf(text).length < 4).map(({ name, text }) => `${name}: ${text}`)
    expect(poor).toEqual([])
  })
})
