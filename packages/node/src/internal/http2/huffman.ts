import { ConnectionError, errorCode } from "./errorCode.js"

/**
 * The code length of each symbol in bits, in base 36: the 256 bytes, then the end of the string. The code is canonical,
 * so the lengths define it: codes of one length are consecutive in the order of symbols (RFC 7541 Appendix B).
 */
const lengths =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f56565666577666567655677777" +
  "fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqr" +
  "rrrrsrrrrrqu"

const endOfString = 256
const minCodeBits = 5
const maxCodeBits = 30

/** The codes of one length: the first code, their number, and the index of their first symbol. */
interface CodeRange {
  readonly first: number
  readonly count: number
  readonly start: number
}

const symbols: Array<number> = []
const codeRanges: ReadonlyArray<CodeRange> = ((): ReadonlyArray<CodeRange> => {
  const table: Array<CodeRange> = []
  let first = 0
  for (let length = 0; length <= maxCodeBits; length++) {
    const start = symbols.length
    for (let symbol = 0; symbol <= endOfString; symbol++) {
      if (Number.parseInt(lengths.charAt(symbol), 36) === length) symbols.push(symbol)
    }
    const count = symbols.length - start
    table.push({ first, count, start })
    first = (first + count) * 2
  }
  return table
})()

const invalidCode = (): ConnectionError =>
  new ConnectionError(errorCode.compressionError, "a header field has an invalid Huffman code")

/** The symbol with the code `bits` of `length` bits. Undefined if they are the prefix of a longer code. */
const symbolOf = (bits: number, length: number): number | undefined => {
  const { count, first, start } = codeRanges[length] ?? { count: 0, first: 0, start: 0 }
  return bits - first < count ? symbols[start + bits - first] : undefined
}

/**
 * Decodes a Huffman-coded string.
 *
 * Specification: RFC 7541 §5.2. The last byte is padded with the prefix of the end-of-string code.
 */
export const decodeHuffman = (bytes: Buffer): Buffer => {
  const text = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / minCodeBits))
  let written = 0
  let bits = 0
  let length = 0
  for (const byte of bytes) {
    for (let at = 7; at >= 0; at--) {
      bits = (bits << 1) | ((byte >> at) & 1)
      length += 1
      const symbol = length < minCodeBits ? undefined : symbolOf(bits, length)
      if (symbol === endOfString || length > maxCodeBits) throw invalidCode()
      if (symbol === undefined) continue
      text[written++] = symbol
      bits = 0
      length = 0
    }
  }
  if (length > 7 || bits !== (1 << length) - 1) throw invalidCode()
  return text.subarray(0, written)
}
