import { staticFieldIndex, staticIndex } from "./fieldTable.js"

/** A field to send: its lower-case name, and its value in Latin-1. */
export type OutgoingField = readonly [name: string, value: string]

/** Maximum size of an integer: a prefix and five bytes. */
const maxIntegerBytes = 6

/** Writes an integer after the bits of `pattern`: RFC 7541 §5.1. */
const writeInteger = (bytes: Buffer, at: number, pattern: number, prefix: number, value: number): number => {
  const mask = (1 << prefix) - 1
  if (value < mask) return bytes.writeUInt8(pattern | value, at)
  let end = bytes.writeUInt8(pattern | mask, at)
  let rest = value - mask
  for (; rest >= 0x80; rest >>= 7) end = bytes.writeUInt8((rest & 0x7f) | 0x80, end)
  return bytes.writeUInt8(rest, end)
}

const writeString = (bytes: Buffer, at: number, text: string): number => {
  const start = writeInteger(bytes, at, 0, 7, text.length)
  return start + bytes.write(text, start, "latin1")
}

/** RFC 7541 §6.1. */
const indexedPattern = 0x80
/** RFC 7541 §6.2.3. */
const neverIndexedPattern = 0x10
/** RFC 7541 §6.3: an empty dynamic table. */
const emptyTablePattern = 0x20

/**
 * Encodes header blocks: HPACK, RFC 7541.
 *
 * It uses no dynamic table, and marks each field as never indexed. Any field may contain a credential. A dynamic table
 * that an attacker can add to would reveal it by the compression (RFC 7541 §7.1).
 */
export class FieldEncoder {
  #isFirst = true

  encode(fields: ReadonlyArray<OutgoingField>): Buffer {
    const bytes = Buffer.allocUnsafe(
      fields.reduce((size, [name, value]) => size + name.length + value.length + 3 * maxIntegerBytes, 1)
    )
    // A server that reduces the table size expects an update (RFC 7541 §4.2). The first block sets the size to 0.
    let end = this.#isFirst ? bytes.writeUInt8(emptyTablePattern, 0) : 0
    this.#isFirst = false
    for (const [name, value] of fields) {
      const index = staticFieldIndex.get(`${name}: ${value}`)
      if (index !== undefined) {
        end = writeInteger(bytes, end, indexedPattern, 7, index)
        continue
      }
      const nameIndex = staticIndex.get(name) ?? 0
      end = writeInteger(bytes, end, neverIndexedPattern, 4, nameIndex)
      if (nameIndex === 0) end = writeString(bytes, end, name)
      end = writeString(bytes, end, value)
    }
    return bytes.subarray(0, end)
  }
}
