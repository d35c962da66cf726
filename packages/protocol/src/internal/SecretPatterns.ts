import { BACKSLASH } from "./Char.js"

/**
 * Finds secrets in server text, in linear time. The server may have chosen the secrets too, as it does with cookies.
 *
 * Windows of a few lengths (8 to 16, 32, 64, 128 and 256 characters) cover each secret. The hash of each window of the text
 * is looked up (Rabin–Karp). A second hash replaces a comparison, because the server could make comparisons expensive.
 *
 * @internal
 */
export class SecretPatterns {
  readonly #byLength = new Map<number, Hashes>()

  constructor(secrets: Iterable<string>) {
    for (const secret of secrets) for (const form of formsOf(secret)) this.#add(form)
  }

  get isEmpty(): boolean {
    return this.#byLength.size === 0
  }

  /** Marks each character that belongs to a secret with 1. */
  mark(text: string): Uint8Array {
    const marks = new Uint8Array(text.length)
    for (const view of viewsOf(text)) {
      for (const [length, hashes] of this.#byLength) markView(view, length, hashes, marks)
    }
    return marks
  }

  #add(secret: string): void {
    if (secret.length < SHORTEST) return
    const length = windowOf(secret.length)
    const hashes = this.#byLength.get(length) ?? new Hashes()
    this.#byLength.set(length, hashes)
    const units = unitsOf(secret)
    for (let start = 0; start < units.length; start += length) {
      // The last window overlaps the one before it if the window length does not divide the secret's length.
      const from = Math.min(start, units.length - length)
      const [first, second] = hashesOf(units, from, length)
      hashes.add(first, second)
    }
  }
}

/** A shorter text is more often a word of the server than a secret. */
export const SHORTEST = 8

const LONGEST_WINDOW = 256

/** How far a secret that begins before an index can extend beyond it, with each character written as `\uXXXX`. */
export const REACH: number = 6 * LONGEST_WINDOW

/** Short secrets are found only as a whole. Of a longer secret each part of half its length or more is found. */
const windowOf = (length: number): number => {
  if (length < 32) return Math.min(length, 16)
  let window = 32
  while (window < LONGEST_WINDOW && 2 * window <= length) window *= 2
  return window
}

/** The secret, its octets in UTF-8 (as in percent-encoding), and both with `+` for spaces (as in forms). */
const formsOf = (secret: string): ReadonlyArray<string> => {
  const octets = new TextEncoder().encode(secret)
  const forms = [secret]
  if (octets.length !== secret.length) forms.push(Array.from(octets, (octet) => String.fromCharCode(octet)).join(""))
  return secret.includes(" ") ? forms.flatMap((form) => [form, form.replaceAll(" ", "+")]) : forms
}

/** The code unit in lower case, because names, schemes of challenges and hosts of URLs are lower-cased. */
const fold = (code: number): number => {
  if (code < 0x80) return code >= 0x41 && code <= 0x5a ? code + 0x20 : code
  const lower = String.fromCharCode(code).toLowerCase()
  return lower.length === 1 ? lower.charCodeAt(0) : code
}

const unitsOf = (text: string): Uint16Array => {
  const units = new Uint16Array(text.length)
  for (let index = 0; index < text.length; index++) units[index] = fold(text.charCodeAt(index))
  return units
}

/** The hash pairs of all windows of one length. */
class Hashes {
  readonly #seconds = new Map<number, Set<number>>()
  /** A bit set of first hashes, which avoids most look-ups. */
  readonly #maybe = new Uint8Array(1 << 12)

  add(first: number, second: number): void {
    this.#maybe[first & 0xfff] = 1
    const seconds = this.#seconds.get(first) ?? new Set()
    this.#seconds.set(first, seconds.add(second))
  }

  has(first: number, second: number): boolean {
    return this.#maybe[first & 0xfff] === 1 && this.#seconds.get(first)?.has(second) === true
  }
}

const FIRST = 0x01000193
const SECOND = 0x5bd1e995

const hashesOf = (units: Uint16Array, from: number, length: number): readonly [first: number, second: number] => {
  let first = 0
  let second = 0
  for (let index = from; index < from + length; index++) {
    const unit = (units[index] ?? 0) + 1
    first = (Math.imul(first, FIRST) + unit) | 0
    second = (Math.imul(second, SECOND) + unit) | 0
  }
  return [first, second]
}

/** A text with one kind of escapes decoded, and the index at which each code unit begins. */
interface View {
  readonly units: Uint16Array
  readonly starts: Int32Array
  readonly length: number
}

const markView = ({ length: end, starts, units }: View, length: number, hashes: Hashes, marks: Uint8Array): void => {
  if (end < length) return
  let [first, second] = hashesOf(units, 0, length)
  const firstOut = power(FIRST, length)
  const secondOut = power(SECOND, length)
  let marked = 0
  for (let at = 0; ; at++) {
    if (hashes.has(first, second)) {
      const until = starts[at + length] ?? marks.length
      marks.fill(1, Math.max(marked, starts[at] ?? 0), until)
      marked = until
    }
    if (at + length >= end) return
    const gone = (units[at] ?? 0) + 1
    const next = (units[at + length] ?? 0) + 1
    first = (Math.imul(first, FIRST) + next - Math.imul(gone, firstOut)) | 0
    second = (Math.imul(second, SECOND) + next - Math.imul(gone, secondOut)) | 0
  }
}

const power = (base: number, exponent: number): number => {
  let product = 1
  for (let count = 0; count < exponent; count++) product = Math.imul(product, base)
  return product
}

/** The text unchanged, percent-decoded, and without the backslash escapes of JSON and quoted strings. */
const viewsOf = (text: string): ReadonlyArray<View> => [
  viewOf(text, (index) => [text.charCodeAt(index), 1]),
  ...(text.includes("%") ? [viewOf(text, (index) => percentDecoded(text, index))] : []),
  ...(text.includes("\\") ? [viewOf(text, (index) => unescaped(text, index))] : [])
]

type Read = (index: number) => readonly [code: number, length: number]

const viewOf = (text: string, read: Read): View => {
  const units = new Uint16Array(text.length)
  const starts = new Int32Array(text.length + 1)
  let length = 0
  for (let index = 0; index < text.length; length++) {
    const [code, taken] = read(index)
    units[length] = fold(code)
    starts[length] = index
    index += taken
  }
  starts[length] = text.length
  return { units, starts, length }
}

const percentDecoded: (text: string, index: number) => readonly [code: number, length: number] = (text, index) => {
  const code = text.charCodeAt(index)
  const octet = code === PERCENT ? hexadecimal(text, index + 1, 2) : undefined
  return octet === undefined ? [code, 1] : [octet, 3]
}

const unescaped: (text: string, index: number) => readonly [code: number, length: number] = (text, index) => {
  const code = text.charCodeAt(index)
  if (code !== BACKSLASH || index + 1 === text.length) return [code, 1]
  const unit = text.charAt(index + 1) === "u" ? hexadecimal(text, index + 2, 4) : undefined
  return unit === undefined ? [text.charCodeAt(index + 1), 2] : [unit, 6]
}

const PERCENT = 0x25

const hexadecimal = (text: string, start: number, length: number): number | undefined => {
  if (start + length > text.length) return undefined
  let value = 0
  for (let index = start; index < start + length; index++) {
    const digit = digitOf(text.charCodeAt(index))
    if (digit === undefined) return undefined
    value = 16 * value + digit
  }
  return value
}

const digitOf = (code: number): number | undefined => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : undefined
}
