import { vi } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

/** Any sequence of UTF-16 code units: NUL, controls, lone surrogates. */
const codeUnits = FastCheck.string({
  unit: FastCheck.oneof(
    FastCheck.integer({ min: 0, max: 0x7f }),
    FastCheck.integer({ min: 0, max: 0xffff }),
    FastCheck.constantFrom(0x00, 0x0a, 0x0d, 0x22, 0x2c, 0x5c, 0xd800, 0xdfff)
  ).map((code) => String.fromCharCode(code)),
  maxLength: 60
})

/**
 * Text to break a parser with: noise, and valid text that was cut, doubled, and had noise put into it.
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

/** Enough of them to matter, few enough for a test that is run at each save. */
export const runs = { numRuns: 5_000 } as const

/** Inputs whose length is the only thing about them, made to trap scanners that look back. */
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
 * How often `run` looks at a character: a measure of its work that is the same on every machine. Looks through
 * `text[index]` and searches by the engine are not counted, so it stands for the scanners, which go by character code.
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
 * The most that the work of `run` grows when its input doubles, over all {@link floods}. Linear is 2; the constant part of
 * the work keeps it below.
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
