/**
 * Names and numbers of options: finds a name that a function does not know, and suggests the one that was meant. Finds a number
 * that is out of range.
 *
 * TypeScript rejects an unknown name in an object literal only, and no number. Plain JavaScript, a variable and a parsed file pass
 * both.
 *
 * @since 0.1.0
 */
import * as OptionNumber from "./internal/OptionNumber.js"

/**
 * The known names of an object of options:
 *
 * - `true` for a value.
 * - `"secret"` for a value or a list of values that must not be plain text.
 * - a kind of number for a number or a duration.
 * - another shape for nested options.
 *
 * @since 0.1.0
 * @category models
 */
export interface Shape {
  readonly [name: string]: true | "secret" | OptionNumber.Kind | Shape
}

/**
 * The shape of the options `O`. Each option must have an entry, so a new option without one does not compile. A number must have
 * the kind of its range, and so must a duration.
 *
 * @since 0.1.0
 * @category models
 */
export type ShapeOf<O> = { readonly [Name in keyof O]-?: EntryOf<Exclude<O[Name], undefined>> }

/** Of the values that options have, only a duration may be a `bigint`. */
type EntryOf<A> = unknown extends A
  ? true
  : [A] extends [never]
    ? true
    : [A] extends [number]
      ? OptionNumber.Kind
      : bigint extends A
        ? "duration" | Shape
        : true | "secret" | Shape | (number extends A ? OptionNumber.Kind : never)

/**
 * An unknown name.
 *
 * @since 0.1.0
 * @category models
 */
export interface UnknownName {
  /** The name with the names around it, such as `redirects.crossorigin`, cut to 80 characters. */
  readonly name: string
  /** The known name that was probably meant, with the names around it. */
  readonly suggestion?: string | undefined
  /** What to do instead, as a sentence. */
  readonly advice?: string | undefined
}

/**
 * Names that other libraries use, each with the option that does the same. A text with a space is a sentence that says what
 * to do, for a name without such an option. An option that is not known may have a sentence of its own.
 *
 * @since 0.1.0
 * @category models
 */
export type OtherNames = Readonly<Record<string, string>>

const mostCharacters = 80

/** Levenshtein distance of two short words, regardless of case. */
const distanceOf = (left: string, right: string): number => {
  const a = left.toLowerCase()
  const b = right.toLowerCase()
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced))
    }
    row = next
  }
  return row[b.length] ?? 0
}

const suggestionFor = (
  name: string,
  known: ReadonlyArray<string>,
  others: OtherNames
): Omit<UnknownName, "name"> | undefined => {
  const textOf = (key: string): string => (Object.hasOwn(others, key) && others[key]) || ""
  const other = textOf(name)
  if (known.includes(other)) return { suggestion: other }
  const advice = [other, textOf(other)].find((text) => text.includes(" "))
  if (advice !== undefined) return { advice }
  const suggestion = nearest(name, known)
  return suggestion === undefined ? undefined : { suggestion }
}

const nearest = (name: string, known: ReadonlyArray<string>): string | undefined => {
  // The distance of a long text would be slow, and no option has such a name.
  if (name.length > mostCharacters) return undefined
  const mostEdits = Math.min(3, Math.max(1, Math.floor(name.length / 3)))
  let best: string | undefined
  let fewest = mostEdits + 1
  for (const candidate of known) {
    const edits = distanceOf(name, candidate)
    if (edits < fewest) {
      best = candidate
      fewest = edits
    }
  }
  return best
}

/** Whether a value is a plain object. Schedules, services and durations are not. */
const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The objects of options in a value: itself, or the members of a list. */
const plainValues = (value: unknown): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  Array.isArray(value) ? value.filter(isPlain) : isPlain(value) ? [value] : []

/**
 * Finds the first unknown name of an object of options, at any depth, in lists too.
 *
 * @example
 * import * as OptionNames from "@countersign/protocol/OptionNames"
 *
 * OptionNames.findUnknown({ timeout: { cal: 1 } }, { timeout: { call: true } })
 * // { name: "timeout.cal", suggestion: "timeout.call" }
 *
 * @param options the object. It is not changed
 * @param shape the known names
 * @param others names of other libraries, and the option that does the same
 * @since 0.1.0
 * @category validation
 */
export const findUnknown = (options: object, shape: Shape, others: OtherNames = {}): UnknownName | undefined => {
  for (const name of Object.keys(options)) {
    const known = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (known === undefined) {
      // A name without a value has no effect.
      if (Reflect.get(options, name) === undefined) continue
      return { name: name.slice(0, mostCharacters), ...suggestionFor(name, Object.keys(shape), others) }
    }
    if (typeof known !== "object") continue
    for (const value of plainValues(Reflect.get(options, name))) {
      const inner = findUnknown(value, known, others)
      if (inner !== undefined) return within(name, inner)
    }
  }
  return undefined
}

const within = (outer: string, { name, suggestion, ...advice }: UnknownName): UnknownName => ({
  ...advice,
  name: `${outer}.${name}`.slice(0, mostCharacters),
  ...(suggestion !== undefined && { suggestion: `${outer}.${suggestion}` })
})

/**
 * The sentences of an error message: the unknown name, and the name that was probably meant, or what to do.
 *
 * @param owner what has the options, such as `ApiClient`
 * @param unknown the result of {@link findUnknown}
 * @since 0.1.0
 * @category conversions
 */
export const explain = (owner: string, { advice = "Remove it.", name, suggestion }: UnknownName): string =>
  `${owner} has no option \`${printable(name)}\`. ${suggestion === undefined ? advice : `Did you mean \`${suggestion}\`?`}`

const isPlainSecret = (value: unknown): boolean => [value].flat().some((one) => typeof one === "string")

/** What is wrong with a value, as the rest of a sentence that begins with its name. */
const explainValue = (value: unknown, known: "secret" | OptionNumber.Kind): string | undefined => {
  if (known !== "secret") return OptionNumber.problem(value, known)
  return isPlainSecret(value) ? "is plain text. Pass `Redacted.make(…)`, so that no log shows it." : undefined
}

/**
 * A value that is wrong: a secret that is plain text, or a number that is out of range.
 *
 * @since 0.1.0
 * @category models
 */
export interface WrongValue {
  /** The name with the names around it, such as `limits.window`. */
  readonly name: string
  /** What is wrong, as the rest of a sentence that begins with the name, and what to set. It contains no secret. */
  readonly problem: string
}

/**
 * Finds the first wrong value of an object of options, at any depth, in lists too. All names are known.
 *
 * @example
 * import * as OptionNames from "@countersign/protocol/OptionNames"
 *
 * OptionNames.findWrongValue({ limit: 0 }, { limit: "count" })
 * // { name: "limit", problem: "is 0. Set a whole number from 1." }
 *
 * @param options the object. It is not changed
 * @param shape the known names
 * @since 0.1.0
 * @category validation
 */
export const findWrongValue = (options: object, shape: Shape): WrongValue | undefined => {
  for (const name of Object.keys(options)) {
    const known = shape[name]
    if (known === true || known === undefined) continue
    const value: unknown = Reflect.get(options, name)
    if (value === undefined) continue
    if (typeof known === "string") {
      const problem = explainValue(value, known)
      if (problem !== undefined) return { name, problem }
      continue
    }
    for (const plain of plainValues(value)) {
      const inner = findWrongValue(plain, known)
      if (inner !== undefined) return { name: `${name}.${inner.name}`, problem: inner.problem }
    }
  }
  return undefined
}

/**
 * The sentences of an error message: the wrong value, and what to set.
 *
 * @param owner what has the options, such as `ApiClient`
 * @param wrong the result of {@link findWrongValue}
 * @since 0.1.0
 * @category conversions
 */
export const explainWrongValue = (owner: string, { name, problem }: WrongValue): string =>
  `\`${name}\` of ${owner} ${problem}`

/**
 * What is wrong with an object of options, or undefined: an unknown name, as {@link explain} says it, a secret that is plain
 * text, or a number that is out of range.
 *
 * A value that is no plain object has no problem, because an instance of a class may have members of its own.
 *
 * @example
 * import * as OptionNames from "@countersign/protocol/OptionNames"
 *
 * OptionNames.problem("`Basic`", { user: "ada" }, { username: true, password: true }, { user: "username" })
 * // "`Basic` has no option `user`. Did you mean `username`?"
 *
 * @param owner what has the options, such as `` `Basic` ``
 * @since 0.1.0
 * @category validation
 */
export const problem = (owner: string, options: unknown, shape: Shape, others: OtherNames = {}): string | undefined => {
  if (!isPlain(options)) return undefined
  const unknown = findUnknown(options, shape, others)
  if (unknown !== undefined) return explain(owner, unknown)
  const wrong = findWrongValue(options, shape)
  return wrong && explainWrongValue(owner, wrong)
}

/** A name may come from a file. */
const printable = (name: string): string => name.replace(/[^\x20-\x7e]/g, "?")
