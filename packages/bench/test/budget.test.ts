// What a client costs that can be counted without a clock. A number that fails here by a little may be raised, with a
// reason in the commit; one that fails by a lot has found something.
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Bundle from "../src/Bundle.js"
import * as Counting from "../src/Counting.js"
import { stage } from "../src/Staging.js"

describe("a budget that no clock is needed for", () => {
  let staged = ""

  beforeAll(async () => {
    staged = await stage("bench", "budget")
  })

  it("the smallest useful client, a pipe of policies, has at most 21.3 kB, compressed, and no code of others", async () => {
    const { brotli, modules } = await Bundle.bundle(staged, Bundle.smallestClient)
    expect(modules.filter((module) => !module.startsWith("@countersign/"))).toEqual(["<stdin>"])
    expect(brotli).toBeLessThanOrEqual(21_300)
  })

  it("an ApiClient with a bearer has at most 29.9 kB, compressed, and no code of others", async () => {
    const { brotli, modules } = await Bundle.bundle(staged, Bundle.wholeClient)
    expect(modules.filter((module) => !module.startsWith("@countersign/"))).toEqual(["<stdin>"])
    expect(brotli).toBeLessThanOrEqual(29_900)
  })

  it("importing ApiClient loads at most 109 modules beside those of Effect, all of them ours", async () => {
    const modules = await Bundle.loadedModules(staged, "@countersign/client/ApiClient")
    expect(modules).toContain("@countersign/client/dist/ApiClient.js")
    expect(modules.filter((module) => !/^@countersign\/(?:client|protocol)\//.test(module))).toEqual([])
    expect(modules.length).toBeLessThanOrEqual(109)
  })

  it("a call through every policy takes at most 54 steps of Effect's interpreter, and no fiber", async () => {
    const { fibers, steps } = await Counting.steps(staged)
    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThanOrEqual(54)
    expect(fibers).toBe(0)
  })

  it("a call through every policy takes at most 32 kB of the heap, where nothing is optimised away", async () => {
    const bytes = await Counting.bytes(staged)
    expect(bytes).toBeGreaterThan(1000)
    expect(bytes).toBeLessThanOrEqual(32_000)
  })
})
