import { isAlpha, isBlank, isDigit, isTokenChar, skip } from "./Char.js"

/**
 * One member of a structured List: its bare item and its parameters.
 *
 * Decimals, Byte Sequences, Booleans, Dates and Display Strings are validated, but their value is `undefined`, because no
 * field of this package uses them.
 *
 * @internal
 */
export interface Item {
  readonly value: BareItem
  readonly params: ReadonlyMap<string, BareItem>
}

/** @internal */
type BareItem = number | string | true | undefined

/**
 * Parses a List of Items with parameters (RFC 9651 §4.2.1). Inner Lists are rejected, because no field of this package uses
 * them. A syntax error anywhere makes the whole field invalid (RFC 9651 §4.2).
 *
 * @internal
 */
export const parse = (text: string): ReadonlyArray<Item> | undefined => {
  const items: Array<Item> = []
  const cursor: Cursor = { text, index: skip(text, 0, isSpace), failed: false }
  if (cursor.index === text.length) return items
  for (;;) {
    items.push({ value: bareItem(cursor), params: parameters(cursor) })
    cursor.index = skip(text, cursor.index, isBlank)
    if (cursor.failed) return undefined
    if (cursor.index === text.length) return items
    if (text[cursor.index] !== ",") return undefined
    // A trailing comma is an error, because no item follows it.
    cursor.index = skip(text, cursor.index + 1, isBlank)
  }
}

interface Cursor {
  readonly text: string
  index: number
  failed: boolean
}

const NONE: ReadonlyMap<string, BareItem> = new Map()

const parameters = (cursor: Cursor): ReadonlyMap<string, BareItem> => {
  if (cursor.text[cursor.index] !== ";") return NONE
  const params = new Map<string, BareItem>()
  while (!cursor.failed && cursor.text[cursor.index] === ";") {
    const start = skip(cursor.text, cursor.index + 1, isSpace)
    cursor.index = skip(cursor.text, start, isKeyChar)
    if (!isKeyStart(cursor.text.charCodeAt(start))) cursor.failed = true
    const key = cursor.text.slice(start, cursor.index)
    const hasValue = cursor.text[cursor.index] === "="
    if (hasValue) cursor.index++
    // The last parameter of a name is used (RFC 9651 §4.2.3.2).
    params.set(key, hasValue ? bareItem(cursor) : true)
  }
  return params
}

const bareItem = (cursor: Cursor): BareItem => {
  const code = cursor.text.charCodeAt(cursor.index)
  if (isDigit(code) || code === 0x2d) return number(cursor)
  if (code === 0x22) return string(cursor)
  if (isAlpha(code) || code === 0x2a) return token(cursor)
  if (code === 0x3a) return byteSequence(cursor)
  if (code === 0x3f) return boolean(cursor)
  if (code === 0x40) return date(cursor)
  if (code === 0x25) return displayString(cursor)
  cursor.failed = true
  return undefined
}

const number = (cursor: Cursor): number | undefined => {
  const negative = cursor.text[cursor.index] === "-"
  const start = cursor.index + (negative ? 1 : 0)
  const point = skip(cursor.text, start, isDigit)
  const isDecimal = cursor.text[point] === "."
  const end = isDecimal ? skip(cursor.text, point + 1, isDigit) : point
  const fraction = end - point - 1
  const tooLong = isDecimal ? point - start > 12 || fraction < 1 || fraction > 3 : point - start > 15
  cursor.failed ||= point === start || tooLong
  cursor.index = end
  if (cursor.failed || isDecimal) return undefined
  return Number(cursor.text.slice(start, end)) * (negative ? -1 : 1)
}

const string = (cursor: Cursor): string | undefined => {
  let value = ""
  for (let index = cursor.index + 1; index < cursor.text.length; index++) {
    const character = cursor.text[index]
    if (character === '"') {
      cursor.index = index + 1
      return value
    }
    if (character === "\\") index++
    const escaped = character === "\\"
    const code = cursor.text.charCodeAt(index)
    if (!(code >= 0x20 && code <= 0x7e) || (escaped && code !== 0x22 && code !== 0x5c)) break
    value += cursor.text[index] ?? ""
  }
  cursor.failed = true
  return undefined
}

const token = (cursor: Cursor): string => {
  const start = cursor.index
  cursor.index = skip(cursor.text, start + 1, (code) => isTokenChar(code) || code === 0x3a || code === 0x2f)
  return cursor.text.slice(start, cursor.index)
}

/** RFC 9651 §4.2.7. Padding is optional. If present, it is at the end and completes a group of four characters. */
const byteSequence = (cursor: Cursor): undefined => {
  const start = cursor.index + 1
  const padding = skip(cursor.text, start, isBase64Char)
  const end = skip(cursor.text, padding, isPadding)
  const isPadded = end > padding
  const isWrong = isPadded ? end - padding > 2 || (end - start) % 4 !== 0 : (padding - start) % 4 === 1
  cursor.failed ||= isWrong || cursor.text[end] !== ":"
  cursor.index = end + 1
  return undefined
}

/** RFC 9651 §4.2.9: an Integer after `@`. */
const date = (cursor: Cursor): undefined => {
  cursor.index++
  cursor.failed ||= number(cursor) === undefined
  return undefined
}

/** RFC 9651 §4.2.10: `%"`, then printable ASCII, in which other octets of UTF-8 are `%` and two lower-case digits. */
const displayString = (cursor: Cursor): undefined => {
  const start = cursor.index + 2
  const end = skip(cursor.text, start, isDisplayChar)
  cursor.failed ||= cursor.text[start - 1] !== '"' || cursor.text[end] !== '"'
  cursor.failed ||= !isUtf8(cursor.text.slice(start, end))
  cursor.index = end + 1
  return undefined
}

/** Whether each `%` starts an octet in lower-case hexadecimal, and the octets are well-formed UTF-8. */
const isUtf8 = (encoded: string): boolean => {
  for (let index = encoded.indexOf("%"); index !== -1; index = encoded.indexOf("%", index + 3)) {
    if (skip(encoded, index + 1, isLowerHex, index + 3) !== index + 3) return false
  }
  try {
    decodeURIComponent(encoded)
    return true
  } catch {
    return false
  }
}

const boolean = (cursor: Cursor): undefined => {
  const digit = cursor.text[cursor.index + 1]
  cursor.failed ||= digit !== "0" && digit !== "1"
  cursor.index += 2
  return undefined
}

const isSpace = (code: number): boolean => code === 0x20

const isBase64Char = (code: number): boolean => isAlpha(code) || isDigit(code) || code === 0x2b || code === 0x2f

const isPadding = (code: number): boolean => code === 0x3d

/** Printable ASCII except the quotation mark. */
const isDisplayChar = (code: number): boolean => code >= 0x20 && code <= 0x7e && code !== 0x22

const isLowerHex = (code: number): boolean => isDigit(code) || (code >= 0x61 && code <= 0x66)

const isKeyStart = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || code === 0x2a

const isKeyChar = (code: number): boolean =>
  isKeyStart(code) || isDigit(code) || code === 0x5f || code === 0x2d || code === 0x2e
