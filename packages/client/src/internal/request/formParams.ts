/** Parameters of a query or a form: pairs of names and values. */
import type * as UrlParams from "@effect/platform/UrlParams"
import { InvalidRequest } from "../../Errors.js"

const noText = new Error("the value has no text form")

/**
 * Whether an object such as a `Date`, `URL` or `Redacted` has no entries, so that it would be dropped silently. An
 * empty record is allowed.
 */
const hasNoEntries = (value: object): boolean =>
  !(Symbol.iterator in value) && Object.keys(value).length === 0 && Object.getPrototypeOf(value) !== Object.prototype

const paramText = (value: unknown): string => {
  if (
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    typeof value === "boolean"
  ) {
    return String(value)
  }
  throw noText
}

/**
 * Converts a record or a list to parameters, like the platform: `a[b]` for nested records, a repeated `a` for lists. It
 * skips `null` like `undefined`; the platform throws for `null`. A value that has no text form throws, because it would
 * be sent as `[object Object]` or dropped.
 */
const appendParams = (
  input: object,
  nameOf: (key: string) => string,
  into: Array<readonly [string, string]>
): UrlParams.UrlParams => {
  if (hasNoEntries(input)) throw noText
  // Checked here although the types exclude other values, because the platform's coercion hides them.
  const entries = Symbol.iterator in input ? (input as Iterable<readonly [string, unknown]>) : Object.entries(input)
  for (const [key, value] of entries) {
    const name = nameOf(paramText(key))
    const values: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
    for (const one of values) {
      if (one === undefined || one === null) continue
      if (typeof one === "object" && one === value) appendParams(one, (inner) => `${name}[${inner}]`, into)
      else into.push([name, paramText(one)])
    }
  }
  return into
}

/**
 * The parameters of a query or a form.
 *
 * @param option - the name of the option, for the error.
 */
export const parseParams = (
  input: unknown,
  option: string,
  reason: InvalidRequest["reason"]
): UrlParams.UrlParams | InvalidRequest => {
  if (input === null) return []
  try {
    if (typeof input === "object") return appendParams(input, (key) => key, [])
  } catch {
    // A circular value, a getter or iterator that throws, or a value without a text form.
  }
  const detail = `\`${option}\` contains a value that is not a string, number or boolean. Remove it, or convert it to a string.`
  return new InvalidRequest({ reason, detail })
}
