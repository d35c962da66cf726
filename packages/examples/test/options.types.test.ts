/** Unknown names of options in TypeScript: one error, at the name, for each function with options. */
import { beforeAll, describe, expect, it } from "vitest"
import type { FirstError } from "./mistakes/compile.js"
import { compile } from "./mistakes/compile.js"
import { calls as constructorCalls, declarations, nested, overloaded } from "./optionNames/calls.js"
import { functionsWithOptions } from "./optionNames/exported.js"
import { policyCalls } from "./optionNames/policies.js"

const calls = [...constructorCalls, ...policyCalls]

const all = [...calls, ...nested, ...overloaded]

const written = (call: string, member: string): string =>
  declarations + call.replace(/(, )?\$/, member && `$1${member}`)

describe("TypeScript", () => {
  const errors = new Map<string, FirstError | undefined>()

  beforeAll(async () => {
    const sources = all.flatMap((call) => [written(call, "xyzzy: 1"), written(call, "")])
    const found = await compile(sources)
    sources.forEach((source, index) => errors.set(source, found[index]))
  }, 240_000)

  it.each([...calls, ...nested])("rejects an unknown name at the name itself: %s", (call) => {
    const error = errors.get(written(call, "xyzzy: 1"))
    expect(error?.at).toBe("xyzzy")
    expect(error?.message).toContain("'xyzzy' does not exist in type")
  })

  it.each(overloaded)("rejects an unknown name at the function: %s", (call) => {
    const error = errors.get(written(call, "xyzzy: 1"))
    expect(error?.code).toBe("TS2769")
    expect(error?.message).toContain("'xyzzy' does not exist in type")
  })

  it.each(all)("accepts the call without it: %s", (call) => {
    expect(errors.has(written(call, ""))).toBe(true)
    expect(errors.get(written(call, ""))).toBeUndefined()
  })

  it("checks each exported function with options", () => {
    const names = functionsWithOptions().map(({ name }) => name)
    const missing = names.filter((name) => !calls.some((call) => call.startsWith(`${name}(`)))
    expect(missing).toEqual([])
  }, 120_000)
})
