import type { HttpBody } from "@effect/platform/HttpBody"

/** Headers that the transport sets. A caller that sets them could smuggle requests. */
const transportManagedHeaders: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect"
])

/** Headers beside `content-…` that describe the body. They are removed with it (RFC 9110 §15.4, RFC 9530 §3). */
const bodyMetadataHeaders: ReadonlySet<string> = new Set(["digest", "last-modified", "repr-digest"])

/** Whether a header describes the body, so that it is wrong for another body or for none. */
export const describesBody = (name: string): boolean => name.startsWith("content-") || bodyMetadataHeaders.has(name)

/**
 * Headers that belong only to the body. They are sent to another origin if the body is. This is an explicit list,
 * because a header with another name may be a secret of the API. It excludes `content-location`, which names a resource
 * of the origin.
 */
const bodyOnlyHeaders: ReadonlySet<string> = new Set([
  "content-type",
  "content-encoding",
  "content-language",
  "content-disposition",
  "content-digest",
  "content-md5",
  "content-range",
  "digest",
  "repr-digest"
])

/** Whether a header is sent to another origin together with the body. */
export const isBodyOnlyHeader = (name: string): boolean => bodyOnlyHeaders.has(name)

/** Which characters are allowed in a `token` (RFC 9110 §5.6.2), by code. */
const tokenCharacters: ReadonlyArray<boolean> = Array.from({ length: 128 }, (_, code) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code))
)

const isToken = (name: string): boolean => {
  for (let i = 0; i < name.length; i++) {
    if (tokenCharacters[name.charCodeAt(i)] !== true) return false
  }
  return name.length > 0
}

/** Whether a value is a `field-value` (RFC 9110 §5.5): visible characters, spaces, tabs, and bytes above 127. */
const isFieldValue = (value: unknown): boolean => {
  // Possible only with a cast. A transport would convert it to text that was not validated.
  if (typeof value !== "string") return false
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 32 && code !== 9) || code === 127 || code > 255) return false
  }
  return true
}

/** Returns why the headers cannot be sent, or undefined. The message contains no header value. */
export const validateHeaders = (headers: Readonly<Record<string, unknown>>): string | undefined => {
  for (const name in headers) {
    if (!isToken(name)) return `a header name contains an invalid character. Remove it.`
    if (transportManagedHeaders.has(name)) return `the header "${name}" is set by the transport. Remove it.`
    const value = headers[name]
    if (value !== undefined && !isFieldValue(value)) {
      return `the value of the header "${name}" is not a string, or contains a control character or a character outside Latin-1. Remove it (often a line break at the end).`
    }
  }
  return undefined
}

/** Length of a body, if it is known before it is sent. Undefined for a form, because its length includes the boundaries. */
const lengthOf = (body: HttpBody): number | undefined => {
  if (body._tag === "Empty") return 0
  return body._tag === "FormData" ? undefined : body.contentLength
}

/**
 * Returns why the caller's `content-length` is invalid, or undefined. With a wrong length the server would read another
 * message than the one that was sent (RFC 9112 §6.3).
 */
export const validateContentLength = (
  { "content-length": field }: Readonly<Record<string, string>>,
  body: HttpBody
): string | undefined => {
  if (field === undefined) return undefined
  const length = lengthOf(body)
  const isValid = /^\d+$/.test(field) && (length === undefined || Number(field) === length)
  return isValid
    ? undefined
    : `the header "content-length" is not the length of the body. Remove it, the transport sets it.`
}
