/** Readers for the members of a response body. Each returns undefined for a value that it cannot read. */
import { TokenError } from "../../Errors.js"
import * as Predicate from "effect/Predicate"

/** A non-empty string. */
export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/** A non-empty string, or an integer as a string: some servers use numbers for clients and users. */
export const identifier = (value: unknown): string | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) ? String(value) : text(value)

/** The characters of scopes and nonces (NQCHAR, RFC 6749 appendix A). */
export const isWord = (text: string): boolean => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text)

const decimal = /^\d{1,20}(?:\.\d{1,20})?$/

/** A non-negative number, or a string with one. */
export const seconds = (value: unknown): number | undefined => {
  const number = typeof value === "string" && decimal.test(value.trim()) ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : undefined
}

/** A boolean, or a string with one. */
export const flag = (value: unknown): boolean | undefined => {
  if (typeof value === "boolean") return value
  const text = typeof value === "string" ? value.trim().toLowerCase() : undefined
  return text === "true" || text === "false" ? text === "true" : undefined
}

/** The non-empty strings of a list. A string counts as a list of one. Undefined for a list of other values only. */
export const list = (value: unknown): ReadonlyArray<string> | undefined => {
  if (!Array.isArray(value)) return typeof value === "string" && value !== "" ? [value] : undefined
  const texts = value.flatMap((item) => text(item) ?? [])
  return texts.length === 0 && value.length > 0 ? undefined : texts
}

/** Scopes, separated by spaces. Some servers send a list instead. */
export const scope = (value: unknown): string | undefined =>
  Array.isArray(value) ? text(value.filter(Predicate.isString).join(" ")) : text(value)

/** The kind of a value, for an error that must not show the value. */
const kindOf = (value: unknown): string => {
  if (value === undefined) return "missing"
  if (value === null) return "null"
  if (value === "") return "empty"
  if (Array.isArray(value)) return "a list"
  return typeof value === "object" ? "an object" : `a ${typeof value}`
}

/** The problem with a member, without its value, which may be a token. */
export const problemOf = (name: string, value: unknown, expected: string): string =>
  `\`${name}\` is ${kindOf(value)}, expected ${expected}`

/**
 * The error for an invalid or missing member that is required.
 *
 * @param what - such as `token response`.
 */
export const invalid = (what: string, name: string, value: unknown, expected: string): TokenError =>
  new TokenError({
    reason: "InvalidResponse",
    detail: `invalid ${what}: ${problemOf(name, value, expected)}. Set \`complianceFixes.transformResponse\` to adapt it`
  })
