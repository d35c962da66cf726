/**
 * Cache directives: parser for the field `Cache-Control` (RFC 9111 §5.2), and for `Age`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2
 * @since 0.1.0
 */
import { COMMA, DQUOTE, EQUALS, isBlank, isDigit, readQuoted, skip, skipMember, trimBlanks } from "./internal/Char.js"

/**
 * Directives by lower-case name, such as `max-age` → `60`. A directive without an argument has the empty text.
 *
 * @since 0.1.0
 * @category models
 */
export type Directives = ReadonlyMap<string, string>

/** Longer values are not parsed to their end, so that a server cannot make each request expensive. */
const maxLength = 8192

/** The largest number of seconds (RFC 9111 §1.2.2). */
const maxSeconds = 2 ** 31

/** The argument of a directive that appears twice with different arguments. No directive accepts it. */
const conflict = "?"

/**
 * Parses the directives of a field value.
 *
 * - Names are compared in lower case. Quotes of an argument are removed.
 * - Of a directive with two different arguments, the argument is invalid (RFC 9111 §4.2.1).
 * - Blanks before `=` are skipped. A value of more than 8192 characters has `no-store` only.
 *
 * @example
 * import * as CacheControl from "@countersign/protocol/CacheControl"
 *
 * CacheControl.parse("private, Max-Age=60").get("max-age") // "60"
 *
 * @param fieldValue the field value. The values of several lines are joined by commas
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2
 * @since 0.1.0
 * @category decoding
 */
export const parse = (fieldValue: string): Directives => {
  if (fieldValue.length > maxLength) return new Map([["no-store", ""]])
  const directives = new Map<string, string>()
  for (let start = 0; start < fieldValue.length;) {
    const end = skipMember(fieldValue, start, COMMA)
    addDirective(directives, fieldValue.slice(start, end))
    start = end + 1
  }
  return directives
}

const addDirective = (directives: Map<string, string>, member: string): void => {
  const equals = skip(member, 0, (code) => code !== EQUALS)
  const name = trimBlanks(member.slice(0, equals)).toLowerCase()
  if (name === "") return
  const value = argument(member.slice(equals + 1))
  const before = directives.get(name)
  directives.set(name, before === undefined || before === value ? value : conflict)
}

const argument = (text: string): string => {
  const start = skip(text, 0, isBlank)
  return text.charCodeAt(start) === DQUOTE ? (readQuoted(text, start)?.text ?? conflict) : trimBlanks(text)
}

/**
 * The seconds of a directive. 0 for an argument that is not a number, and 2³¹ for a larger one.
 *
 * @param name lower-case name of the directive
 * @returns `undefined` without the directive
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2
 * @since 0.1.0
 * @category decoding
 */
export const seconds = (directives: Directives, name: string): number | undefined => {
  const value = directives.get(name)
  return value === undefined ? undefined : (deltaSeconds(value) ?? 0)
}

/** `delta-seconds` of RFC 9111 §1.2.2: digits only. */
const deltaSeconds = (text: string): number | undefined =>
  text !== "" && skip(text, 0, isDigit) === text.length ? Math.min(Number(text), maxSeconds) : undefined

/**
 * The seconds of the field `Age`. Of a list the first member is used. An invalid value is ignored: the result is 0.
 *
 * @param fieldValue the field value. The values of several lines are joined by commas
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.1
 * @since 0.1.0
 * @category decoding
 */
export const age = (fieldValue: string | undefined): number =>
  fieldValue === undefined ? 0 : (deltaSeconds(trimBlanks(fieldValue.split(",", 1)[0] ?? "")) ?? 0)
