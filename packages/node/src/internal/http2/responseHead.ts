import { StreamError, errorCode } from "./errorCode.js"
import type { Field } from "./fieldTable.js"

/** The header section of a response: RFC 9113 §8.3.2. */
export interface ResponseHead {
  readonly status: number
  readonly raw: Array<Buffer>
}

const colon = 0x3a
const space = 0x20
const tab = 0x09

/** The bytes of lower-case field names: RFC 9113 §8.2.1. */
const nameBytes: ReadonlySet<number> = new Set(Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"))

/** Fields of HTTP/1.1 connections, which HTTP/2 does not have: RFC 9113 §8.2.2. */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade"
])

const malformedResponse = (detail: string): StreamError => new StreamError(errorCode.protocolError, detail)

const checkName = (name: Buffer): void => {
  if (name.length === 0 || !name.every((byte) => nameBytes.has(byte))) {
    throw malformedResponse("the name of a header field has a capital letter or is no token")
  }
  const text = name.toString("latin1")
  if (connectionFields.has(text)) throw malformedResponse(`the header field ${text} is not allowed in HTTP/2`)
}

const isBlank = (byte: number | undefined): boolean => byte === space || byte === tab

/** A value without the blanks around it, which a parser of HTTP/1.1 removes too. */
const parseValue = (value: Buffer): Buffer => {
  if (value.includes(0) || value.includes(10) || value.includes(13)) {
    throw malformedResponse("the value of a header field has a NUL, CR or LF")
  }
  let start = 0
  let end = value.length
  while (start < end && isBlank(value[start])) start += 1
  while (end > start && isBlank(value[end - 1])) end -= 1
  return start === 0 && end === value.length ? value : value.subarray(start, end)
}

const isPseudo = ({ name }: Field): boolean => name[0] === colon

/** Names and values in turn, of fields that are no pseudo-header fields. */
const toRawHeaders = (fields: ReadonlyArray<Field>): Array<Buffer> => {
  const raw: Array<Buffer> = []
  for (const field of fields) {
    if (isPseudo(field)) throw malformedResponse("a pseudo-header field does not belong there")
    checkName(field.name)
    raw.push(field.name, parseValue(field.value))
  }
  return raw
}

/** Parses the header section of a response, or of an interim one. */
export const parseResponseHead = ([first, ...rest]: ReadonlyArray<Field>): ResponseHead => {
  if (first?.name.toString("latin1") !== ":status") throw malformedResponse("a response without a :status")
  const status = first.value.toString("latin1")
  if (!/^[1-9][0-9][0-9]$/.test(status))
    throw malformedResponse("the :status of a response is no number of three digits")
  return { status: Number(status), raw: toRawHeaders(rest) }
}

/** Checks a trailer section, whose fields nobody reads. */
export const checkTrailers = (fields: ReadonlyArray<Field>): void => void toRawHeaders(fields)
