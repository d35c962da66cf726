import { ConnectionError, errorCode } from "./errorCode.js"
import type { Field } from "./fieldTable.js"
import { FieldTable, fieldSize } from "./fieldTable.js"
import { decodeHuffman } from "./huffman.js"

/** The fields of one header or trailer section. */
export interface FieldList {
  readonly fields: ReadonlyArray<Field>
  /** Whether the list exceeds the maximum. `fields` then contains a part of it. */
  readonly isTooLarge: boolean
}

const incompleteBlock = (): ConnectionError =>
  new ConnectionError(errorCode.compressionError, "a header block is incomplete")

/** Maximum number of continuation bytes: integers up to 2^28. */
const maxIntegerBytes = 4

/** Reads the parts of a header block: RFC 7541 §5. */
class BlockReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** The next byte, without consuming it. */
  get peek(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw incompleteBlock()
    return byte
  }

  /** Reads an integer that begins in the last `prefix` bits of the next byte: RFC 7541 §5.1. */
  readInteger(prefix: number): number {
    const mask = (1 << prefix) - 1
    let value = this.peek & mask
    this.#at += 1
    if (value < mask) return value
    for (let shift = 0; shift < 7 * maxIntegerBytes; shift += 7) {
      const byte = this.peek
      this.#at += 1
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new ConnectionError(errorCode.compressionError, "a number in a header block is too large")
  }

  /** Reads a string. Its first bit marks Huffman coding: RFC 7541 §5.2. */
  readString(): Buffer {
    const isHuffman = this.peek >= 0x80
    const end = this.readInteger(7) + this.#at
    if (end > this.#bytes.length) throw incompleteBlock()
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return isHuffman ? decodeHuffman(bytes) : bytes
  }
}

/** Decodes the header blocks of one connection: HPACK, RFC 7541. */
export class FieldDecoder {
  readonly #table = new FieldTable()

  /**
   * Decodes one header block. It is decoded to its end even if the list is too large, because later blocks depend on
   * the table.
   *
   * @param maxSize - maximum size of the list, as defined in RFC 9113 §6.5.2.
   */
  decode(block: Buffer, maxSize: number): FieldList {
    const reader = new BlockReader(block)
    const fields: Array<Field> = []
    let size = 0
    while (!reader.isDone && reader.peek >> 5 === 1) this.#table.resize(reader.readInteger(5))
    while (!reader.isDone) {
      const field = this.#readField(reader)
      size += fieldSize(field)
      if (size <= maxSize) fields.push(field)
    }
    return { fields, isTooLarge: size > maxSize }
  }

  /** Reads one field: RFC 7541 §6. */
  #readField(reader: BlockReader): Field {
    const first = reader.peek
    if (first >= 0x80) return this.#table.at(reader.readInteger(7))
    if (first >> 5 === 1) {
      throw new ConnectionError(errorCode.compressionError, "a change of the table's size is inside a header block")
    }
    const isIndexed = first >= 0x40
    const index = reader.readInteger(isIndexed ? 6 : 4)
    const name = index === 0 ? reader.readString() : this.#table.at(index).name
    const field = { name, value: reader.readString() }
    if (isIndexed) this.#table.add(field)
    return field
  }
}
