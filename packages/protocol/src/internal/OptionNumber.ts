/** Ranges of options that are numbers or durations. */

/**
 * The kinds of numbers:
 *
 * - `count` and `size`: a whole number from 1, or from 0, which may be infinite.
 * - `amount`: a number from 0, which may be infinite.
 * - `ratio`: a number from 0 to 1.
 * - `factor`: a finite number above 0.
 * - `number`: any finite number.
 * - `duration`: a duration from 0, which may be infinite.
 */
export type Kind = "count" | "size" | "amount" | "ratio" | "factor" | "number" | "duration"

const isWhole = (value: number): boolean => Number.isInteger(value) || value === Infinity

const ranges: Readonly<Record<Exclude<Kind, "duration">, (value: number) => boolean>> = {
  count: (value) => isWhole(value) && value >= 1,
  size: (value) => isWhole(value) && value >= 0,
  amount: (value) => value >= 0,
  ratio: (value) => value >= 0 && value <= 1,
  factor: (value) => value > 0 && value < Infinity,
  number: Number.isFinite
}

const advice: Readonly<Record<Kind, string>> = {
  count: "Set a whole number from 1.",
  size: "Set a whole number from 0.",
  amount: "Set a number from 0.",
  ratio: "Set a number from 0 to 1.",
  factor: "Set a number above 0.",
  number: "Set a finite number.",
  duration: 'Set a duration such as "30 seconds", or a number of milliseconds from 0.'
}

const durationText = /^\d+(?:\.\d+)?\s+(?:nano|micro|milli|second|minute|hour|day|week)s?$/

/** Numbers, texts, and seconds with nanoseconds. */
const isDuration = (value: unknown): boolean => {
  if (typeof value === "number") return value >= 0
  if (typeof value === "bigint") return value >= 0n
  if (typeof value === "string") return durationText.test(value)
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "number" && part >= 0)
}

const isInRange = (value: unknown, kind: Kind): boolean =>
  kind === "duration" ? isDuration(value) : typeof value === "number" && ranges[kind](value)

/** Durations of the library and a `Config` have prototypes of their own. The other plain objects are services. */
const isObject = (value: unknown, kind: Kind): boolean =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  (kind !== "duration" || Object.getPrototypeOf(value) !== Object.prototype)

/** Values of other kinds turn a limit off, or are read later: `false`, and a `Config`. */
const isNotANumber = (value: unknown, kind: Kind): boolean =>
  value === false || typeof value === "function" || isObject(value, kind)

const mostCharacters = 40

const textOf = (value: unknown): string =>
  (typeof value === "string" ? JSON.stringify(value) : String(value)).slice(0, mostCharacters)

/** What is wrong with a value of a kind, as the rest of a sentence that begins with the name. */
export const problem = (value: unknown, kind: Kind): string | undefined =>
  isNotANumber(value, kind) || isInRange(value, kind) ? undefined : `is ${textOf(value)}. ${advice[kind]}`
