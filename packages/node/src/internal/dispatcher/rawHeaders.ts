import type * as Headers from "@effect/platform/Headers"
import * as PlatformHeaders from "@effect/platform/Headers"

/** Header fields as they came: names and values in turn, in bytes. */
export type RawHeaders = ReadonlyArray<Buffer>

/** A field's bytes are Latin-1, whatever the sender meant by them (RFC 9110 §5.5). */
const textOf = (bytes: Buffer | undefined): string => (bytes === undefined ? "" : bytes.toString("latin1"))

/** Fields that have one value (RFC 9110 §5.5, and those of other specifications that servers send twice). */
const singletons: ReadonlySet<string> = new Set([
  "access-control-allow-origin",
  "age",
  "content-disposition",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "date",
  "dpop-nonce",
  "etag",
  "expires",
  "last-modified",
  "location",
  "retry-after",
  "retry-after-ms",
  "server",
  "strict-transport-security"
])

const joinValues = (name: string, previous: string, value: string): string =>
  previous === value && singletons.has(name) ? previous : `${previous}, ${value}`

/**
 * The fields by lower-case name; several of one name are one, with commas between. Where a field has one value, equal ones
 * count once; different ones are joined all the same, and are then no valid value of it.
 */
export const parse = (raw: RawHeaders): Headers.Headers => {
  const fields: Record<string, string> = {}
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = textOf(raw[at]).toLowerCase()
    const value = textOf(raw[at + 1])
    const previous = fields[name]
    // What is inherited (`constructor`) is no field, and assigning a string to `__proto__` does nothing.
    fields[name] = typeof previous === "string" ? joinValues(name, previous, value) : value
  }
  return PlatformHeaders.unsafeFromRecord(fields)
}

/** All values of one field, apart: what `Set-Cookie` needs, since its values hold commas. */
export const valuesOf = (raw: RawHeaders, name: string): ReadonlyArray<string> => {
  const values: Array<string> = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]?.length === name.length && textOf(raw[at]).toLowerCase() === name) values.push(textOf(raw[at + 1]))
  }
  return values
}

/** The fields but for those that `names` holds, in lower case. */
export const omit = (raw: RawHeaders, names: ReadonlySet<string>): RawHeaders =>
  raw.filter((_, at) => !names.has(textOf(raw[at - (at % 2)]).toLowerCase()))
