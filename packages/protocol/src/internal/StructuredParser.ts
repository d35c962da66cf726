import * as Base64 from "./Base64.js"
import { isAlpha, isBlank, isDigit, isPrintable, isTokenChar, skip } from "./Char.js"
import type { BareItem, Dictionary, InnerList, Item, List, Member, Parameters } from "./StructuredModel.js"

/**
 * Why a field value is not a structured field. The reason is the first rule that the value violates.
 *
 * - `TooLong`: longer than `maxLength`.
 * - `MissingItem`: no item where one is required, such as at the end after a comma.
 * - `InvalidNumber`, `InvalidString`, `InvalidByteSequence`, `InvalidBoolean`, `InvalidDate`, `InvalidDisplayString`: a bare
 *   item of this type is malformed.
 * - `InvalidKey`: the key of a parameter or of a Dictionary member is missing or malformed.
 * - `InvalidInnerList`: an Inner List without `)`, or without a space between two items.
 * - `InvalidSeparator`: other text than a comma after a member, or any text after an Item.
 *
 * @since 0.1.0
 * @category models
 */
export type ParseReason =
  | "TooLong"
  | "MissingItem"
  | "InvalidNumber"
  | "InvalidString"
  | "InvalidByteSequence"
  | "InvalidBoolean"
  | "InvalidDate"
  | "InvalidDisplayString"
  | "InvalidKey"
  | "InvalidInnerList"
  | "InvalidSeparator"

/**
 * The position in a text, and the first rule that the text violates. After a failure the results of all functions are
 * meaningless, and the caller discards them.
 */
interface Cursor {
  readonly text: string
  index: number
  failure: ParseReason | undefined
}

/** Parses the whole of a text (RFC 9651 §4.2). */
const whole =
  <A>(parse: (cursor: Cursor) => A) =>
  (text: string): A | ParseReason => {
    const cursor: Cursor = { text, index: skip(text, 0, isSpace), failure: undefined }
    const value = parse(cursor)
    cursor.index = skip(text, cursor.index, isSpace)
    if (cursor.index !== text.length) fail(cursor, "InvalidSeparator")
    return cursor.failure ?? value
  }

/**
 * Parses a List (RFC 9651 §4.2.1).
 *
 * @internal
 */
export const parseList: (text: string) => List | ParseReason = /* @__PURE__ */ whole((cursor) => {
  const list: Array<Member> = []
  members(cursor, () => list.push(member(cursor)))
  return list
})

/**
 * Parses the members of a Dictionary (RFC 9651 §4.2.2), with repeated keys.
 *
 * @internal
 */
export const parseEntries: (text: string) => ReadonlyArray<readonly [string, Member]> | ParseReason =
  /* @__PURE__ */ whole((cursor) => {
    const entries: Array<readonly [string, Member]> = []
    members(cursor, () => {
      const name = key(cursor)
      const value: Member = hasValue(cursor)
        ? member(cursor)
        : { _tag: "Item", value: TRUE, params: parameters(cursor) }
      entries.push([name, value])
    })
    return entries
  })

/**
 * Parses a Dictionary (RFC 9651 §4.2.2). Of two members with one key the last is used, at the position of the first.
 *
 * @internal
 */
export const parseDictionary = (text: string): Dictionary | ParseReason => {
  const entries = parseEntries(text)
  return typeof entries === "string" ? entries : new Map(entries)
}

/**
 * Parses an Item (RFC 9651 §4.2.3).
 *
 * @internal
 */
export const parseItem: (text: string) => Item | ParseReason = /* @__PURE__ */ whole((cursor) => item(cursor))

/** Reads members that are separated by commas. An empty text has none. */
const members = (cursor: Cursor, readMember: () => void): void => {
  const { text } = cursor
  if (cursor.index === text.length) return
  while (cursor.failure === undefined) {
    readMember()
    cursor.index = skip(text, cursor.index, isBlank)
    if (cursor.index === text.length) return
    if (text[cursor.index] !== ",") return fail(cursor, "InvalidSeparator")
    // A trailing comma is an error, because no member follows it.
    cursor.index = skip(text, cursor.index + 1, isBlank)
  }
}

const member = (cursor: Cursor): Member => (cursor.text[cursor.index] === "(" ? innerList(cursor) : item(cursor))

const item = (cursor: Cursor): Item => ({ _tag: "Item", value: bareItem(cursor), params: parameters(cursor) })

const innerList = (cursor: Cursor): InnerList => {
  const { text } = cursor
  const items: Array<Item> = []
  cursor.index = skip(text, cursor.index + 1, isSpace)
  while (cursor.failure === undefined && text[cursor.index] !== ")") {
    items.push(item(cursor))
    const end = cursor.index
    cursor.index = skip(text, end, isSpace)
    if (cursor.index === end && text[end] !== ")") fail(cursor, "InvalidInnerList")
  }
  cursor.index++
  return { _tag: "InnerList", items, params: parameters(cursor) }
}

const NONE: Parameters = new Map()

const TRUE: BareItem = { _tag: "Boolean", value: true }

/** RFC 9651 §4.2.3.2. Of two parameters with one key the last is used, at the position of the first. */
const parameters = (cursor: Cursor): Parameters => {
  if (cursor.text[cursor.index] !== ";") return NONE
  const params = new Map<string, BareItem>()
  while (cursor.failure === undefined && cursor.text[cursor.index] === ";") {
    cursor.index = skip(cursor.text, cursor.index + 1, isSpace)
    const name = key(cursor)
    params.set(name, hasValue(cursor) ? bareItem(cursor) : TRUE)
  }
  return params
}

const key = (cursor: Cursor): string => {
  const start = cursor.index
  if (!isKeyStart(cursor.text.charCodeAt(start))) fail(cursor, "InvalidKey")
  cursor.index = skip(cursor.text, start, isKeyChar)
  return cursor.text.slice(start, cursor.index)
}

/** Consumes the `=` after a key. */
const hasValue = (cursor: Cursor): boolean => {
  const found = cursor.text[cursor.index] === "="
  if (found) cursor.index++
  return found
}

const bareItem = (cursor: Cursor): BareItem => {
  const code = cursor.text.charCodeAt(cursor.index)
  if (isDigit(code) || code === 0x2d) return number(cursor)
  if (code === 0x22) return string(cursor)
  if (isTokenStart(code)) return token(cursor)
  if (code === 0x3a) return byteSequence(cursor)
  if (code === 0x3f) return boolean(cursor)
  if (code === 0x40) return date(cursor)
  if (code === 0x25) return displayString(cursor)
  fail(cursor, "MissingItem")
  return TRUE
}

/** RFC 9651 §4.2.4: an Integer or a Decimal. */
const number = (cursor: Cursor, reason: ParseReason = "InvalidNumber"): BareItem & { readonly value: number } => {
  const negative = cursor.text[cursor.index] === "-"
  const start = cursor.index + (negative ? 1 : 0)
  const point = skip(cursor.text, start, isDigit)
  const isDecimal = cursor.text[point] === "."
  const end = isDecimal ? skip(cursor.text, point + 1, isDigit) : point
  const fraction = end - point - 1
  const tooLong = isDecimal ? point - start > 12 || fraction < 1 || fraction > 3 : point - start > 15
  if (point === start || tooLong) fail(cursor, reason)
  cursor.index = end
  const digits = Number(cursor.text.slice(start, tooLong ? start : end))
  // `-0` is 0.
  return { _tag: isDecimal ? "Decimal" : "Integer", value: negative ? 0 - digits : digits }
}

const string = (cursor: Cursor): BareItem => {
  let value = ""
  for (let index = cursor.index + 1; index < cursor.text.length; index++) {
    const character = cursor.text[index]
    if (character === '"') {
      cursor.index = index + 1
      return { _tag: "String", value }
    }
    if (character === "\\") index++
    const escaped = character === "\\"
    const code = cursor.text.charCodeAt(index)
    if (!isPrintable(code) || (escaped && code !== 0x22 && code !== 0x5c)) break
    value += cursor.text[index] ?? ""
  }
  fail(cursor, "InvalidString")
  return TRUE
}

const token = (cursor: Cursor): BareItem => {
  const start = cursor.index
  cursor.index = skip(cursor.text, start + 1, isTokenRest)
  return { _tag: "Token", value: cursor.text.slice(start, cursor.index) }
}

/** RFC 9651 §4.2.7. */
const byteSequence = (cursor: Cursor): BareItem => {
  const start = cursor.index + 1
  const end = cursor.text.indexOf(":", start)
  const value = end === -1 ? undefined : Base64.decode(cursor.text.slice(start, end))
  if (value === undefined) {
    fail(cursor, "InvalidByteSequence")
    return TRUE
  }
  cursor.index = end + 1
  return { _tag: "ByteSequence", value }
}

/** RFC 9651 §4.2.9: an Integer after `@`. */
const date = (cursor: Cursor): BareItem => {
  cursor.index++
  const seconds = number(cursor, "InvalidDate")
  if (seconds._tag === "Decimal") fail(cursor, "InvalidDate")
  return { _tag: "Date", value: seconds.value }
}

/** RFC 9651 §4.2.10: `%"`, then printable ASCII, in which other octets of UTF-8 are `%` and two lower-case digits. */
const displayString = (cursor: Cursor): BareItem => {
  const start = cursor.index + 2
  const end = skip(cursor.text, start, isDisplayChar)
  const quoted = cursor.text[start - 1] === '"' && cursor.text[end] === '"'
  const value = quoted ? decodeOctets(cursor.text.slice(start, end)) : undefined
  if (value === undefined) fail(cursor, "InvalidDisplayString")
  cursor.index = end + 1
  return { _tag: "DisplayString", value: value ?? "" }
}

/** Undefined if a `%` does not start an octet in lower-case hexadecimal, or the octets are not well-formed UTF-8. */
const decodeOctets = (encoded: string): string | undefined => {
  for (let index = encoded.indexOf("%"); index !== -1; index = encoded.indexOf("%", index + 3)) {
    if (skip(encoded, index + 1, isLowerHex, index + 3) !== index + 3) return undefined
  }
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

const boolean = (cursor: Cursor): BareItem => {
  const digit = cursor.text[cursor.index + 1]
  if (digit !== "0" && digit !== "1") fail(cursor, "InvalidBoolean")
  cursor.index += 2
  return { _tag: "Boolean", value: digit === "1" }
}

const fail = (cursor: Cursor, reason: ParseReason): void => {
  cursor.failure ??= reason
}

/** The first character of a key. */
export const isKeyStart = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || code === 0x2a

/** A further character of a key. */
export const isKeyChar = (code: number): boolean =>
  isKeyStart(code) || isDigit(code) || code === 0x5f || code === 0x2d || code === 0x2e

/** The first character of a Token. */
export const isTokenStart = (code: number): boolean => isAlpha(code) || code === 0x2a

/** A further character of a Token: `tchar`, `:` or `/`. */
export const isTokenRest = (code: number): boolean => isTokenChar(code) || code === 0x3a || code === 0x2f

const isSpace = (code: number): boolean => code === 0x20

/** Printable ASCII except the quotation mark. */
const isDisplayChar = (code: number): boolean => isPrintable(code) && code !== 0x22

const isLowerHex = (code: number): boolean => isDigit(code) || (code >= 0x61 && code <= 0x66)
