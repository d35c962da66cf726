import { vi } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

/** Any sequence of UTF-16 code units, including NUL, control characters and lone surrogates. */
const codeUnits = FastCheck.string({
  unit: FastCheck.oneof(
    FastCheck.integer({ min: 0, max: 0x7f }),
    FastCheck.integer({ min: 0, max: 0xffff }),
    FastCheck.constantFrom(0x00, 0x0a, 0x0d, 0x22, 0x2c, 0x5c, 0xd800, 0xdfff)
  ).map((code) => String.fromCharCode(code)),
  maxLength: 60
})

/**
 * Text that may break a parser: noise, and valid text that is cut, doubled, or mixed with noise.
 *
 * @param seeds pieces of the format under test
 */
export const text = (...seeds: ReadonlyArray<string>): FastCheck.Arbitrary<string> => {
  const pieces = FastCheck.array(FastCheck.oneof(FastCheck.constantFrom(...seeds), codeUnits), { maxLength: 8 })
  const mutated = FastCheck.tuple(FastCheck.constantFrom(...seeds), FastCheck.nat(), FastCheck.nat(4), codeUnits).map(
    ([seed, position, removed, noise]) => {
      const index = position % (seed.length + 1)
      return seed.slice(0, index) + noise.slice(0, 3) + seed.slice(index + removed)
    }
  )
  return FastCheck.oneof(
    codeUnits,
    pieces.map((parts) => parts.join("")),
    mutated
  )
}

/** A number of runs that finds faults and is still fast. */
export const runs = { numRuns: 5_000 } as const

/** Long repetitive inputs that make a backtracking scanner slow. */
export const floods = (length: number, ...units: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    ",",
    '"',
    "\\",
    " ",
    "\t",
    '"\\',
    "a",
    "a ",
    "a,",
    "a=",
    'a="',
    'a="b",',
    "=",
    "%",
    "/",
    ".",
    "0",
    "\u0000",
    "\ud800",
    ...units
  ].map((unit) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length))

/**
 * How often `run` reads a character code: a measure of its work that does not depend on the machine. Reads of
 * `text[index]` and searches of the engine are not counted.
 */
export const looks = (run: () => unknown): number => {
  const spy = vi.spyOn(String.prototype, "charCodeAt")
  try {
    run()
    return spy.mock.calls.length
  } finally {
    spy.mockRestore()
  }
}

/**
 * The largest growth of the work of `run` when its input doubles, over all {@link floods}. Linear work gives at most 2.
 */
export const growth = (run: (input: string) => unknown, length: number, ...units: ReadonlyArray<string>): number => {
  const longer = floods(2 * length, ...units)
  return Math.max(
    ...floods(length, ...units).map((input, index) => {
      const before = looks(() => run(input))
      return looks(() => run(longer[index] ?? "")) / Math.max(before, 1)
    })
  )
}
