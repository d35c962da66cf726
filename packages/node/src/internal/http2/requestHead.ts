import { errors } from "undici/index.js"
import type { OutgoingField } from "./fieldEncoder.js"

/** The parts of a request's header section. */
export interface RequestParts {
  readonly method: string
  readonly origin: URL
  readonly path: string
  /** Names, in any case, and values alternate. */
  readonly headers: ReadonlyArray<string>
  /** The length of the body. Undefined if unknown. */
  readonly length: number | undefined
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const invalidValue = /[^\t\x20-\x7e\x80-\xff]/
const invalidPath = /[^\x21-\xff]/

/** Methods that send `content-length: 0` without a body: RFC 9110 §8.6. */
const expectsBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"])

/**
 * Fields that are not copied: connection fields, which HTTP/2 forbids (RFC 9113 §8.2.2), and fields that are set here.
 */
const omittedFields: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade"
])

const valueOf = (headers: ReadonlyArray<string>, fieldName: string): string | undefined => {
  const at = headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === fieldName)
  return at === -1 ? undefined : headers[at + 1]
}

/** Parses the caller's `content-length`. */
export const parseContentLength = (headers: ReadonlyArray<string>): number | undefined => {
  const value = valueOf(headers, "content-length")
  if (value === undefined) return undefined
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw new errors.InvalidArgumentError("invalid content-length header")
}

const toField = (name: string, value: string): OutgoingField | undefined => {
  if (!token.test(name)) throw new errors.InvalidArgumentError("invalid header key")
  if (invalidValue.test(value)) throw new errors.InvalidArgumentError(`invalid ${name} header`)
  const lower = name.toLowerCase()
  if (lower === "expect") throw new errors.NotSupportedError("expect header not supported")
  const isDropped = omittedFields.has(lower) || (lower === "te" && value.toLowerCase() !== "trailers")
  return isDropped ? undefined : [lower, value.trim()]
}

/**
 * Makes the header section of a request: RFC 9113 §8.3.1.
 *
 * @throws undici's errors for an invalid method or field, as its HTTP/1.1 does.
 */
export const makeRequestHead = ({ headers, length, method, origin, path }: RequestParts): Array<OutgoingField> => {
  if (!token.test(method)) throw new errors.InvalidArgumentError("invalid request method")
  if (invalidPath.test(path)) throw new errors.InvalidArgumentError("invalid request path")
  const fields: Array<OutgoingField> = [
    [":method", method],
    [":scheme", origin.protocol.slice(0, -1)],
    [":authority", valueOf(headers, "host") ?? origin.host],
    [":path", path]
  ]
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const field = toField(headers[at] ?? "", headers[at + 1] ?? "")
    if (field !== undefined) fields.push(field)
  }
  const sendsLength = length !== undefined && (length > 0 || expectsBody.has(method))
  if (sendsLength) fields.push(["content-length", String(length)])
  return fields
}
