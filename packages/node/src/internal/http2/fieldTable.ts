import { ConnectionError, errorCode } from "./errorCode.js"

/** A header field: its name and its value, in bytes. */
export interface Field {
  readonly name: Buffer
  readonly value: Buffer
}

/** The static table: RFC 7541 Appendix A. Names without a value have an empty one. */
const staticFields: ReadonlyArray<readonly [name: string, value?: string]> = [
  [":authority"],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset"],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language"],
  ["accept-ranges"],
  ["accept"],
  ["access-control-allow-origin"],
  ["age"],
  ["allow"],
  ["authorization"],
  ["cache-control"],
  ["content-disposition"],
  ["content-encoding"],
  ["content-language"],
  ["content-length"],
  ["content-location"],
  ["content-range"],
  ["content-type"],
  ["cookie"],
  ["date"],
  ["etag"],
  ["expect"],
  ["expires"],
  ["from"],
  ["host"],
  ["if-match"],
  ["if-modified-since"],
  ["if-none-match"],
  ["if-range"],
  ["if-unmodified-since"],
  ["last-modified"],
  ["link"],
  ["location"],
  ["max-forwards"],
  ["proxy-authenticate"],
  ["proxy-authorization"],
  ["range"],
  ["referer"],
  ["refresh"],
  ["retry-after"],
  ["server"],
  ["set-cookie"],
  ["strict-transport-security"],
  ["transfer-encoding"],
  ["user-agent"],
  ["vary"],
  ["via"],
  ["www-authenticate"]
]

const staticTable: ReadonlyArray<Field> = staticFields.map(([name, value = ""]) => ({
  name: Buffer.from(name),
  value: Buffer.from(value)
}))

/** The index of each name in the static table. The first index counts. */
export const staticIndex: ReadonlyMap<string, number> = new Map(
  staticFields.map(([name], at) => [name, at + 1] as const).reverse()
)

/** The index of each field with a value in the static table, as `name: value`. */
export const staticFieldIndex: ReadonlyMap<string, number> = new Map(
  staticFields.flatMap(([name, value], at) => (value === undefined ? [] : [[`${name}: ${value}`, at + 1] as const]))
)

/** Overhead of a table entry in bytes: RFC 7541 §4.1, and RFC 9113 §6.5.2 for a list of fields. */
const fieldOverhead = 32

/** The size of a field in a table or a list. */
export const fieldSize = ({ name, value }: Field): number => name.length + value.length + fieldOverhead

/** Default size of the dynamic table: RFC 9113 §6.5.2. */
const maxTableSize = 4096

/** The indexed fields of a decoder: RFC 7541 §2.3. */
export class FieldTable {
  /** The newest field comes first. */
  readonly #dynamic: Array<Field> = []
  #size = 0
  #limit = maxTableSize

  at(index: number): Field {
    const field = index <= staticTable.length ? staticTable[index - 1] : this.#dynamic[index - staticTable.length - 1]
    if (field === undefined) {
      throw new ConnectionError(errorCode.compressionError, "a header field has an index beyond the table")
    }
    return field
  }

  /** Adds a copy of a field, so that the table does not keep the buffer of a whole frame. */
  add(field: Field): void {
    const size = fieldSize(field)
    this.#evict(this.#limit - size)
    if (size > this.#limit) return
    this.#dynamic.unshift({ name: Buffer.from(field.name), value: Buffer.from(field.value) })
    this.#size += size
  }

  resize(limit: number): void {
    if (limit > maxTableSize) {
      throw new ConnectionError(errorCode.compressionError, "the table of header fields is larger than allowed")
    }
    this.#limit = limit
    this.#evict(limit)
  }

  #evict(limit: number): void {
    while (this.#size > limit) {
      const oldest = this.#dynamic.pop()
      if (oldest === undefined) return
      this.#size -= fieldSize(oldest)
    }
  }
}
