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

/** The valid bytes of lower-case field names: RFC 9113 §8.2.1. */
const nameBytes: ReadonlySet<number> = new Set(Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"))

/** Connection fields of HTTP/1.1, which HTTP/2 forbids: RFC 9113 §8.2.2. */
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
    throw malformedResponse("the name of a header field has a capital letter or is not a token")
  }
  const text = name.toString("latin1")
  if (connectionFields.has(text)) throw malformedResponse(`the header field ${text} is not allowed in HTTP/2`)
}

const isBlank = (byte: number | undefined): boolean => byte === space || byte === tab

/** Validates a value, and removes its surrounding blanks as an HTTP/1.1 parser does. */
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

/** Names and values alternately. Rejects pseudo-header fields. */
const toRawHeaders = (fields: ReadonlyArray<Field>): Array<Buffer> => {
  const raw: Array<Buffer> = []
  for (const field of fields) {
    if (isPseudo(field)) throw malformedResponse("unexpected pseudo-header field")
    checkName(field.name)
    raw.push(field.name, parseValue(field.value))
  }
  return raw
}

/** Parses the header section of a final or interim response. */
export const parseResponseHead = ([first, ...rest]: ReadonlyArray<Field>): ResponseHead => {
  if (first?.name.toString("latin1") !== ":status") throw malformedResponse("the response has no :status")
  const status = first.value.toString("latin1")
  if (!/^[1-9][0-9][0-9]$/.test(status))
    throw malformedResponse("the :status of the response is not a number of three digits")
  return { status: Number(status), raw: toRawHeaders(rest) }
}

/** Validates a trailer section. Its fields are not used. */
export const checkTrailers = (fields: ReadonlyArray<Field>): void => void toRawHeaders(fields)
