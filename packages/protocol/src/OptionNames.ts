/**
 * Names of options: finds a name that a function does not know, and suggests the one that was meant.
 *
 * TypeScript rejects an unknown name in an object literal only. Plain JavaScript, a variable and a parsed file pass it.
 *
 * @since 0.1.0
 */

/**
 * The known names of an object of options. `true` for a value, `"secret"` for a value or a list of values that must not be
 * plain text, and another shape for nested options.
 *
 * @since 0.1.0
 * @category models
 */
export interface Shape {
  readonly [name: string]: true | "secret" | Shape
}

/**
 * The shape of the options `O`. Each option must have an entry, so a new option without one does not compile.
 *
 * @since 0.1.0
 * @category models
 */
export type ShapeOf<O> = { readonly [Name in keyof O]-?: true | "secret" | Shape }

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

/**
 * Finds the first unknown name of an object of options, at any depth.
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
    const value: unknown = Reflect.get(options, name)
    const inner = isPlain(value) ? findUnknown(value, known, others) : undefined
    if (inner !== undefined) return within(name, inner)
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

/** The first secret that is plain text, at any depth. All names are known. */
const findPlainSecret = (options: Readonly<Record<string, unknown>>, shape: Shape): string | undefined => {
  for (const name of Object.keys(options)) {
    const known = shape[name]
    if (known === true) continue
    const value = options[name]
    if (known === "secret") {
      if ([value].flat().some((one) => typeof one === "string")) return name
    } else if (known !== undefined && isPlain(value)) {
      const inner = findPlainSecret(value, known)
      if (inner !== undefined) return `${name}.${inner}`
    }
  }
  return undefined
}

/**
 * What is wrong with an object of options, or undefined: an unknown name, as {@link explain} says it, or a secret that is
 * plain text.
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
  const secret = findPlainSecret(options, shape)
  return secret && `\`${secret}\` of ${owner} is plain text. Pass \`Redacted.make(…)\`, so that no log shows it.`
}

/** A name may come from a file. */
const printable = (name: string): string => name.replace(/[^\x20-\x7e]/g, "?")
