/**
 * Authentication challenges: parser for the fields `WWW-Authenticate` and `Proxy-Authenticate` (RFC 9110 §11.6.1).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 * @since 0.1.0
 */
import type { QuotedString } from "./internal/Char.js"
import {
  COMMA,
  DQUOTE,
  EQUALS,
  isBlank,
  isToken68Char,
  isTokenChar,
  readQuoted,
  skip,
  skipMember
} from "./internal/Char.js"

/**
 * An authentication challenge: a scheme with either a `token68` value or parameters.
 *
 * @since 0.1.0
 * @category models
 */
export interface Challenge {
  /** Name of the scheme in lower case, such as `basic`. */
  readonly scheme: string
  /** The `token68` value of schemes such as Negotiate. */
  readonly token68?: string
  /**
   * Parameters by lower-case name, without quotes and escapes. The object has no prototype, so `__proto__` is a normal name.
   */
  readonly params: Readonly<Record<string, string>>
}

/**
 * Maximum number of characters that {@link parse} reads, of all lines together.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxLength = 16_384

/**
 * Parses the challenges of one or several field lines, in their order.
 *
 * Lines are treated as if joined with a comma, except that a quoted string ends with its line. Invalid parts are skipped,
 * and the rest is kept:
 *
 * - An invalid parameter is dropped. An invalid scheme is dropped with its parameters.
 * - A parameter is invalid when its value is missing, is followed by anything but a comma, contains a control character, or
 *   has an opening quote only.
 * - A parameter without a challenge, or after a `token68`, is dropped.
 * - Of two parameters with one name the first is used.
 * - Empty list members and blanks around `=` are ignored.
 *
 * Text beyond {@link maxLength} characters is not read. A challenge that is cut there is dropped, so that a partial value is
 * never used.
 *
 * @example
 * import * as Challenge from "@countersign/protocol/Challenge"
 *
 * const challenges = Challenge.parse('Bearer realm="api", error="invalid_token", Basic realm="api"')
 * Challenge.find(challenges, "bearer")?.params["error"] // "invalid_token"
 *
 * @param fieldValues the field value, or the values of its lines
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.2
 * @since 0.1.0
 * @category decoding
 */
export const parse = (fieldValues: string | ReadonlyArray<string>): ReadonlyArray<Challenge> => {
  const lines = typeof fieldValues === "string" ? [fieldValues] : fieldValues
  const found: Array<Draft> = []
  const state: State = { found, current: undefined }
  let left = maxLength
  for (const line of lines) {
    scan(line.slice(0, left), state)
    if (line.length > left) {
      if (state.current !== undefined) found.pop()
      break
    }
    left -= line.length
  }
  return found
}

/**
 * Finds the first challenge of a scheme, in any letter case.
 *
 * @param scheme such as `Bearer`
 * @since 0.1.0
 * @category getters
 */
export const find = (challenges: ReadonlyArray<Challenge>, scheme: string): Challenge | undefined => {
  const name = scheme.toLowerCase()
  return challenges.find((challenge) => challenge.scheme === name)
}

interface Draft {
  readonly scheme: string
  token68?: string
  readonly params: Record<string, string>
}

interface State {
  readonly found: Array<Draft>
  /** The challenge that the next parameter belongs to. Undefined after an invalid scheme. */
  current: Draft | undefined
}

const scan = (line: string, state: State): void => {
  let index = 0
  for (;;) {
    index = skip(line, index, isSeparator)
    if (index === line.length) return
    index = scanMember(line, index, state)
  }
}

/** Reads one list member. Returns the index of the comma after it, or the end of the line. */
const scanMember = (line: string, start: number, state: State): number => {
  const nameEnd = skip(line, start, isTokenChar)
  if (nameEnd === start) return skipMember(line, start)
  const next = skip(line, nameEnd, isBlank)
  if (line.charCodeAt(next) === EQUALS) return scanParameter(line, start, nameEnd, state)

  // A scheme stands alone or is followed by a space.
  const isScheme = isMemberEnd(line, next) || next > nameEnd
  state.current = isScheme ? { scheme: line.slice(start, nameEnd).toLowerCase(), params: emptyParams() } : undefined
  if (state.current === undefined) return skipMember(line, next)
  state.found.push(state.current)
  return isMemberEnd(line, next) ? next : scanArgument(line, next, state.current, state)
}

/** Reads the rest of the member after a scheme: a `token68` or the first parameter. */
const scanArgument = (line: string, start: number, challenge: Draft, state: State): number => {
  const padding = skip(line, start, isToken68Char)
  const tokenEnd = skip(line, padding, isEquals)
  const next = skip(line, tokenEnd, isBlank)
  if (padding > start && isMemberEnd(line, next)) {
    challenge.token68 = line.slice(start, tokenEnd)
    return next
  }
  const nameEnd = skip(line, start, isTokenChar)
  const isParameter = nameEnd > start && line.charCodeAt(skip(line, nameEnd, isBlank)) === EQUALS
  return isParameter ? scanParameter(line, start, nameEnd, state) : skipMember(line, start)
}

const scanParameter = (line: string, start: number, nameEnd: number, { current }: State): number => {
  const equals = skip(line, nameEnd, isBlank)
  const value = readValue(line, skip(line, equals + 1, isBlank))
  const end = value === undefined ? undefined : skip(line, value.end, isBlank)
  if (value === undefined || end === undefined || !isMemberEnd(line, end)) return skipMember(line, equals + 1)
  const name = line.slice(start, nameEnd).toLowerCase()
  if (current !== undefined && current.token68 === undefined) current.params[name] ??= value.text
  return end
}

const readValue = (line: string, start: number): QuotedString | undefined => {
  if (line.charCodeAt(start) === DQUOTE) return readQuoted(line, start)
  const end = skip(line, start, isTokenChar)
  return end === start ? undefined : { text: line.slice(start, end), end }
}

const isSeparator = (code: number): boolean => code === COMMA || isBlank(code)

const isEquals = (code: number): boolean => code === EQUALS

const isMemberEnd = (line: string, index: number): boolean => index === line.length || line.charCodeAt(index) === COMMA

// `Object.create` returns `any`. An object without members can be typed as any record.
const emptyParams = (): Record<string, string> => Object.create(null) as Record<string, string>
