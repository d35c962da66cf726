import type * as Headers from "@effect/platform/Headers"
import * as PlatformHeaders from "@effect/platform/Headers"

/** Header fields as bytes: names and values alternate. */
export type RawHeaders = ReadonlyArray<Buffer>

/** Decodes a field as Latin-1, which keeps all bytes (RFC 9110 §5.5). */
const textOf = (bytes: Buffer | undefined): string => (bytes === undefined ? "" : bytes.toString("latin1"))

/** Fields with a single value (RFC 9110 §5.5), and fields of other specifications that servers send twice. */
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
 * Parses the fields by lower-case name. Several fields of one name are joined with commas. Equal values of a
 * single-value field are one value; different ones are joined, and are then an invalid value.
 */
export const parse = (raw: RawHeaders): Headers.Headers => {
  const fields: Record<string, string> = {}
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = textOf(raw[at]).toLowerCase()
    const value = textOf(raw[at + 1])
    const previous = fields[name]
    // An inherited property (`constructor`) is no field. Assigning a string to `__proto__` has no effect.
    fields[name] = typeof previous === "string" ? joinValues(name, previous, value) : value
  }
  return PlatformHeaders.unsafeFromRecord(fields)
}

/** The values of one field as a list. `Set-Cookie` needs it, because its values contain commas. */
export const valuesOf = (raw: RawHeaders, name: string): ReadonlyArray<string> => {
  const values: Array<string> = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]?.length === name.length && textOf(raw[at]).toLowerCase() === name) values.push(textOf(raw[at + 1]))
  }
  return values
}

/** The fields except those in `names`, which are in lower case. */
export const omit = (raw: RawHeaders, names: ReadonlySet<string>): RawHeaders =>
  raw.filter((_, at) => !names.has(textOf(raw[at - (at % 2)]).toLowerCase()))
