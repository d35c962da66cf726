/** Members of a response body. A member that is not needed is left out where it cannot be read. */
import { TokenError } from "@countersign/client/Errors"
import * as Predicate from "effect/Predicate"

/** A string that is not empty. */
export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/** A string that is not empty, or a whole number as one: some servers number clients and users. */
export const identifier = (value: unknown): string | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) ? String(value) : text(value)

const decimal = /^\d{1,20}(?:\.\d{1,20})?$/

/** A number that is not negative, also one that is written as a string. */
export const seconds = (value: unknown): number | undefined => {
  const number = typeof value === "string" && decimal.test(value.trim()) ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : undefined
}

/** A boolean, also one that is written as a string. */
export const flag = (value: unknown): boolean | undefined => {
  if (typeof value === "boolean") return value
  const text = typeof value === "string" ? value.trim().toLowerCase() : undefined
  return text === "true" || text === "false" ? text === "true" : undefined
}

/** The strings of a list that are not empty. A string is a list of one. A list without any string is not read. */
export const list = (value: unknown): ReadonlyArray<string> | undefined => {
  if (!Array.isArray(value)) return typeof value === "string" && value !== "" ? [value] : undefined
  const texts = value.flatMap((item) => text(item) ?? [])
  return texts.length === 0 && value.length > 0 ? undefined : texts
}

/** Scopes that are separated by spaces. Some servers send a list. */
export const scope = (value: unknown): string | undefined =>
  Array.isArray(value) ? text(value.filter(Predicate.isString).join(" ")) : text(value)

/** What a value is, without the value. */
const kindOf = (value: unknown): string => {
  if (value === undefined) return "missing"
  if (value === null) return "null"
  if (value === "") return "empty"
  if (Array.isArray(value)) return "a list"
  return typeof value === "object" ? "an object" : `a ${typeof value}`
}

/** What is wrong with a member: its name and what was expected, and not what was found, since that may be a token. */
export const problemOf = (name: string, value: unknown, expected: string): string =>
  `\`${name}\` is ${kindOf(value)}, expected ${expected}`

/**
 * The error for a member without which a response is of no use.
 *
 * @param what - such as `token response`.
 */
export const invalid = (what: string, name: string, value: unknown, expected: string): TokenError =>
  new TokenError({
    reason: "InvalidResponse",
    detail: `invalid ${what}: ${problemOf(name, value, expected)}. Set \`complianceFixes.transformResponse\` to adapt it`
  })
