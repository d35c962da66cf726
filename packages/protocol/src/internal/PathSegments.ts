import { isControl, isDigit } from "./Char.js"

/**
 * Rejects segments that any server reads as `..`. Servers decode paths differently from URL parsers: percent-encoded, in
 * overlong UTF-8, as `%u002e`, or with parameters after a `;`.
 *
 * @internal
 */
export const segmentsRefusal = (path: string): "IllegalCharacter" | "DotSegment" | undefined => {
  let segment = ""
  for (let index = 0; index < path.length;) {
    const { code, length } = characterAt(path, index)
    if (length > 1 && isControl(code)) return "IllegalCharacter"
    index += length
    const character = String.fromCharCode(code)
    const separates = character === "/" || character === "\\"
    if (separates && isDotSegment(segment)) return "DotSegment"
    // Three characters are enough to distinguish `..` and `..;` from other segments.
    segment = separates ? "" : (segment + character).slice(0, 3)
  }
  return isDotSegment(segment) ? "DotSegment" : undefined
}

/** `..;` starts the parameters of a segment `..` (RFC 3986 §3.3). Tomcat, Jetty and Spring ignore the parameters. */
const isDotSegment = (segment: string): boolean => segment === ".." || segment === "..;"

/** The character that a lenient server reads at an index, and its length in the text. */
const characterAt = (text: string, index: number): { readonly code: number; readonly length: number } => {
  const first = decodeByte(text, index)
  if (first === undefined) {
    const unit = decodeUnit(text, index)
    return unit === undefined ? { code: text.charCodeAt(index), length: 1 } : { code: unit, length: 6 }
  }
  return decodeOverlong(text, index, first) ?? { code: first, length: 3 }
}

/** The number of bytes after the first byte of an overlong sequence, and the payload bits of the first byte. */
const overlong = (first: number): readonly [following: number, bits: number] | undefined => {
  if (first === 0xc0 || first === 0xc1) return [1, 0x1f]
  if (first === 0xe0) return [2, 0x0f]
  if (first === 0xf0) return [3, 0x07]
  return undefined
}

/**
 * Decodes an ASCII character that is encoded in more bytes than needed: `%c0%ae` is a dot. RFC 3629 §3 forbids this, but old
 * decoders accept it. Some ignore the upper bits of the following bytes. In Latin-1 those bytes are letters, so a control
 * character that only such a decoder would read is not rejected.
 */
const decodeOverlong = (text: string, index: number, first: number) => {
  const form = overlong(first)
  if (form === undefined) return undefined
  const [following, bits] = form
  let code = first & bits
  let isLax = false
  for (let nth = 1; nth <= following; nth++) {
    const byte = decodeByte(text, index + 3 * nth)
    if (byte === undefined) return undefined
    code = code * 64 + (byte & 0x3f)
    isLax ||= byte >> 6 !== 2
  }
  return code < 0x80 && !(isLax && isControl(code)) ? { code, length: 3 * (following + 1) } : undefined
}

const decodeByte = (text: string, percent: number): number | undefined =>
  text[percent] === "%" ? hexPair(text, percent + 1) : undefined

/** Decodes `%u002e`, the form of JavaScript's `escape`, which IIS and some Java servers accept. */
const decodeUnit = (text: string, percent: number): number | undefined => {
  if (text[percent] !== "%" || text[percent + 1]?.toLowerCase() !== "u") return undefined
  const high = hexPair(text, percent + 2)
  return high === 0 ? hexPair(text, percent + 4) : undefined
}

const hexPair = (text: string, start: number): number | undefined => {
  const high = hexDigit(text.charCodeAt(start))
  const low = hexDigit(text.charCodeAt(start + 1))
  return high === undefined || low === undefined ? undefined : high * 16 + low
}

const hexDigit = (code: number): number | undefined => {
  if (isDigit(code)) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined
}
