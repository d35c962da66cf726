import type { HttpBody } from "@effect/platform/HttpBody"

/** Headers that describe the message on the wire belong to the transport: from outside they smuggle requests. */
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

/** Fields beside `content-…` that describe the body: they are removed with it (RFC 9110 §15.4, RFC 9530 §3). */
const bodyMetadataHeaders: ReadonlySet<string> = new Set(["digest", "last-modified", "repr-digest"])

/** Whether a header describes the body, so that it is a lie about another one, or about none. */
export const describesBody = (name: string): boolean => name.startsWith("content-") || bodyMetadataHeaders.has(name)

/**
 * Fields that belong to a body and to nothing else. They go where the body goes; a list, because a field of any other
 * name may be a secret of the API's. `content-location` is none: it names a resource of the origin.
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

/** Whether a header goes to another origin with the body that it describes. */
export const isBodyOnlyHeader = (name: string): boolean => bodyOnlyHeaders.has(name)

/** `token` of RFC 9110 §5.6.2, one flag a character. */
const tokenCharacters: ReadonlyArray<boolean> = Array.from({ length: 128 }, (_, code) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code))
)

const isToken = (name: string): boolean => {
  for (let i = 0; i < name.length; i++) {
    if (tokenCharacters[name.charCodeAt(i)] !== true) return false
  }
  return name.length > 0
}

/** `field-value` of RFC 9110 §5.5: visible characters, spaces and tabs, and bytes above 127. */
const isFieldValue = (value: unknown): boolean => {
  // A header that a cast has let in: a transport would write it as text that was never checked.
  if (typeof value !== "string") return false
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 32 && code !== 9) || code === 127 || code > 255) return false
  }
  return true
}

/** What keeps headers off the wire, in words that repeat no value; undefined when nothing does. */
export const validateHeaders = (headers: Readonly<Record<string, unknown>>): string | undefined => {
  for (const name in headers) {
    if (!isToken(name)) return `a header name holds a character that is not allowed there`
    if (transportManagedHeaders.has(name)) return `the header "${name}" is set by the transport; leave it out`
    const value = headers[name]
    if (value !== undefined && !isFieldValue(value)) {
      return `the value of the header "${name}" is no text, or holds a control character or one beyond Latin-1; remove it (a line break at the end?)`
    }
  }
  return undefined
}

/** The length of a body, where it is known before it is sent. A form's length includes its boundaries. */
const lengthOf = (body: HttpBody): number | undefined => {
  if (body._tag === "Empty") return 0
  return body._tag === "FormData" ? undefined : body.contentLength
}

/**
 * What is wrong with a `content-length` that the caller has set: one that is no number, or not the length of the body,
 * would have the server read another message than the one that was sent (RFC 9112 §6.3).
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
    : `the header "content-length" is not the length of the body; leave it out, the transport sets it`
}
