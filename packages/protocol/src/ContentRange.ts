/**
 * `Content-Range` of byte ranges: parser (RFC 9110 §14.4).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.4
 * @since 0.1.0
 */
import { isDigit, skip, trimBlanks } from "./internal/Char.js"

/**
 * The bytes of a representation that a 206 contains.
 *
 * @since 0.1.0
 * @category models
 */
export interface ContentRange {
  /** Position of the first byte, from 0. */
  readonly first: number
  /** Position of the last byte. At least `first`. */
  readonly last: number
  /** Length of the whole representation in bytes. Undefined if the server sent `*`. More than `last`. */
  readonly length: number | undefined
}

/** More digits are no safe integer. */
const maxDigits = 15

const unit = "bytes"

interface Reader {
  readonly text: string
  index: number
}

/** Reads a number of at most 15 digits. `NaN` for anything else. */
const number = (reader: Reader): number => {
  const { index, text } = reader
  const end = skip(text, index, isDigit)
  reader.index = end
  return end === index || end - index > maxDigits ? Number.NaN : Number(text.slice(index, end))
}

const accept = (reader: Reader, char: string): boolean => {
  if (reader.text[reader.index] !== char) return false
  reader.index += 1
  return true
}

/**
 * Parses the range of a 206: `bytes 500-999/1234`.
 *
 * Undefined for another unit, an unsatisfied range (`bytes *` with a length), a position of more than 15 digits, a range that
 * ends before it begins or at the length or later, and several fields that were joined.
 *
 * @example
 * import * as ContentRange from "@countersign/protocol/ContentRange"
 *
 * ContentRange.parse("bytes 500-999/1234") // { first: 500, last: 999, length: 1234 }
 *
 * @param field the value of the field
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.4
 * @since 0.1.0
 * @category decoding
 */
export const parse = (field: string): ContentRange | undefined => {
  const text = trimBlanks(field)
  if (text.slice(0, unit.length).toLowerCase() !== unit) return undefined
  const reader: Reader = { text, index: unit.length }
  if (!accept(reader, " ")) return undefined
  const first = number(reader)
  if (!accept(reader, "-")) return undefined
  const last = number(reader)
  if (!accept(reader, "/")) return undefined
  const length = accept(reader, "*") ? undefined : number(reader)
  const isOrdered = first <= last && (length === undefined || last < length)
  return isOrdered && reader.index === text.length ? { first, last, length } : undefined
}
