/**
 * Character classes of RFC 5234 and RFC 9110 over UTF-16 code units, and scanners for lists and quoted strings.
 *
 * Server text is scanned with these and not with regular expressions, so that no input can cause backtracking. `NaN`, the
 * result of `charCodeAt` past the end of a string, is in none of the classes.
 *
 * @internal
 */
export const COMMA = 0x2c
export const DQUOTE = 0x22
export const EQUALS = 0x3d
export const BACKSLASH = 0x5c

/** SP or HTAB: the characters of OWS and BWS. */
export const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39

export const isAlpha = (code: number): boolean => (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)

/** CTL of RFC 5234: C0 and DEL. */
export const isControl = (code: number): boolean => code < 0x20 || code === 0x7f

const SYMBOLS_OF_TOKEN = new Set(Array.from("!#$%&'*+-.^_`|~", (symbol) => symbol.charCodeAt(0)))
const SYMBOLS_OF_TOKEN68 = new Set(Array.from("-._~+/", (symbol) => symbol.charCodeAt(0)))

/** `tchar` of RFC 9110 §5.6.2. */
export const isTokenChar = (code: number): boolean => isAlpha(code) || isDigit(code) || SYMBOLS_OF_TOKEN.has(code)

/** VCHAR or SP: printable ASCII. */
export const isPrintable = (code: number): boolean => code >= 0x20 && code <= 0x7e

/** A character of `token68` (RFC 9110 §11.2) before its padding. */
export const isToken68Char = (code: number): boolean => isAlpha(code) || isDigit(code) || SYMBOLS_OF_TOKEN68.has(code)

/** The first index at or after `start` with a character outside the class, at most `end`. */
export const skip = (
  text: string,
  start: number,
  inClass: (code: number) => boolean,
  end: number = text.length
): number => {
  let index = start
  while (index < end && inClass(text.charCodeAt(index))) index++
  return index
}

/** Removes optional whitespace (RFC 9110 §5.6.3) at both ends. `trim()` would remove more. */
export const trimBlanks = (text: string): string => {
  const start = skip(text, 0, isBlank)
  let end = text.length
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** Whether the code unit at `index` is a surrogate without its other half. */
export const isLoneSurrogate = (text: string, index: number): boolean => {
  const code = text.charCodeAt(index)
  if (isHighSurrogate(code)) return !isLowSurrogate(text.charCodeAt(index + 1))
  return isLowSurrogate(code) && !isHighSurrogate(text.charCodeAt(index - 1))
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

const isLowSurrogate = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff

/** The text of a `quoted-string` (RFC 9110 §5.6.4) without quotes and escapes, and the index after it. */
export interface QuotedString {
  readonly text: string
  readonly end: number
}

/**
 * Reads a quoted string. Undefined if it does not end, or contains a control character.
 *
 * @param start index of the opening quote
 * @internal
 */
export const readQuoted = (line: string, start: number): QuotedString | undefined => {
  let text = ""
  for (let index = start + 1; index < line.length; index++) {
    const code = line.charCodeAt(index)
    if (code === DQUOTE) return { text, end: index + 1 }
    if (code === BACKSLASH) index++
    if (isControl(line.charCodeAt(index)) && line[index] !== "\t") return undefined
    text += line[index] ?? ""
  }
  return undefined
}

/** The index of the next comma or `separator` outside of quotes. An unclosed quote extends to the end of the line. */
export const skipMember = (line: string, start: number, separator = COMMA): number => {
  let quoted = false
  for (let index = start; index < line.length; index++) {
    const code = line.charCodeAt(index)
    if ((code === COMMA || code === separator) && !quoted) return index
    if (code === DQUOTE) quoted = !quoted
    if (code === BACKSLASH && quoted) index++
  }
  return line.length
}
