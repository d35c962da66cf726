// Limits of a client's costs that do not depend on time. If a number exceeds its limit slightly, the limit may be raised,
// with a reason in the commit. A large excess is a regression.
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Bundle from "../src/Bundle.js"
import * as Counting from "../src/Counting.js"
import { stage } from "../src/Staging.js"
import { fromRoots, rolledUp } from "./support/roots.js"

describe("cost limits", () => {
  let staged = ""

  beforeAll(async () => {
    staged = await stage("bench", "budget")
  })

  it("bundles the smallest useful client into at most 27 kB compressed, without other packages", async () => {
    const { brotli, modules } = await Bundle.bundle(staged, Bundle.smallestClient)
    expect(modules.filter((module) => !module.startsWith("@countersign/"))).toEqual(["<stdin>"])
    expect(brotli).toBeLessThanOrEqual(27_000)
  })

  it("bundles an ApiClient with a bearer token into at most 42.2 kB compressed, without other packages", async () => {
    const { brotli, modules } = await Bundle.bundle(staged, Bundle.wholeClient)
    expect(modules.filter((module) => !module.startsWith("@countersign/"))).toEqual(["<stdin>"])
    expect(brotli).toBeLessThanOrEqual(42_200)
  })

  it.each([
    ["the smallest useful client", Bundle.smallestClient],
    ["an ApiClient", Bundle.wholeClient]
  ])("bundles %s by namespaces of the root modules into the same size with Rollup", async (_, program) => {
    const size = await rolledUp(staged, program)
    expect(size).toBeGreaterThan(20_000)
    expect(Math.abs((await rolledUp(staged, fromRoots(program))) - size)).toBeLessThanOrEqual(100)
  })

  // esbuild keeps every export of a namespace that a program imports from a root module.
  it.each([
    ["the smallest useful client", 40_600, Bundle.smallestClient],
    ["an ApiClient", 52_900, Bundle.wholeClient]
  ])("bundles %s by namespaces of the root modules into at most %i bytes with esbuild", async (_, most, program) => {
    const { brotli, modules } = await Bundle.bundle(staged, fromRoots(program))
    expect(modules.filter((module) => !module.startsWith("@countersign/"))).toEqual(["<stdin>"])
    expect(brotli).toBeLessThanOrEqual(most)
  })

  it("loads at most 152 modules for ApiClient besides Effect, all of these packages", async () => {
    const modules = await Bundle.loadedModules(staged, "@countersign/client/ApiClient")
    expect(modules).toContain("@countersign/client/dist/ApiClient.js")
    expect(modules.filter((module) => !/^@countersign\/(?:client|protocol)\//.test(module))).toEqual([])
    expect(modules.length).toBeLessThanOrEqual(152)
  })

  it("loads the parser of event streams with ServerEvents only", async () => {
    const parsers = (modules: ReadonlyArray<string>) =>
      modules.filter((module) => module.startsWith("eventsource-parser/"))
    expect(parsers(await Bundle.loadedModules(staged, "@countersign/client/ServerEvents"))).toHaveLength(1)
    expect(parsers(await Bundle.loadedModules(staged, "@countersign/client/JsonLines"))).toEqual([])
  })

  it("runs a call through every policy in at most 41 interpreter steps and without a fiber", async () => {
    const { fibers, steps } = await Counting.steps(staged)
    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThanOrEqual(41)
    expect(fibers).toBe(0)
  })

  it("allocates at most 25.2 kB for a call through every policy without the JIT compilers", async () => {
    const bytes = await Counting.bytes(staged)
    expect(bytes).toBeGreaterThan(1000)
    expect(bytes).toBeLessThanOrEqual(25_200)
  })
})
