import type { TransportReason } from "../../Errors.js"
import * as Codes from "./errorCodes.js"
import type { Classification } from "./errorCodes.js"

/** A property of an error, which may be of any program: reading it may throw. */
const property = (value: unknown, key: string): unknown => {
  if (typeof value !== "object" || value === null) return undefined
  try {
    // `in` has found the property, so it can be read. Its type stays unknown.
    return key in value ? (value as Record<string, unknown>)[key] : undefined
  } catch {
    return undefined
  }
}

/** Classification of a failed request, from the causes of its error. */
export interface ClassifiedError extends Classification {
  readonly code?: string | undefined
  readonly detail?: string | undefined
}

/** The parser's message at the end of undici's message: "Response does not match the HTTP/1.1 protocol (…)". */
const parserMessagePattern = /\(([^()]{1,100})\)$/

/** The message of the HTTP parser: a fixed text of llhttp, without content of the response. */
const parserMessageOf = (cause: object): string | undefined => {
  const reason = property(cause, "reason")
  if (typeof reason === "string" && reason !== "") return reason
  const message = property(cause, "message")
  return typeof message === "string" ? parserMessagePattern.exec(message)?.[1] : undefined
}

/** A TLS alert, which a TLS server sends when it receives plain HTTP (RFC 8446 §5.1, §6). */
const tlsAlert = "\u0015\u0003"

const isTlsAlert = (cause: object): boolean => {
  const data = property(cause, "data") ?? property(cause, "rawPacket")
  if (typeof data === "string") return data.startsWith(tlsAlert)
  return data instanceof Uint8Array && data[0] === 0x15 && data[1] === 0x03
}

/** undici's messages for a status that its parser accepts, but not the client. Their codes are those of other failures. */
const rejectedStatusPattern = /^bad (?:upgrade|response)$|statusCode >= 100/

const endOfInput = "HPE_INVALID_EOF_STATE"

/** An error of the HTTP parser. undici's error has a name and no code, that of `node:http` has a code. */
const classifyParserError = (cause: object, code: unknown): ClassifiedError | undefined => {
  const isUndici = property(cause, "name") === "HTTPParserError"
  if (!isUndici && !(typeof code === "string" && code.startsWith("HPE_"))) return undefined
  if (code === "HPE_HEADER_OVERFLOW") return undefined
  const parserMessage = parserMessageOf(cause)
  if (code === endOfInput || parserMessage === "Invalid EOF state") {
    return { reason: "ConnectionReset", sent: "maybe", code: endOfInput }
  }
  const detail = isTlsAlert(cause) ? "the server speaks TLS. Use https://" : parserMessage
  return { reason: "InvalidHttpResponse", sent: "maybe", code: Codes.isCode(code) ? code : "HPE_INVALID", detail }
}

/**
 * Causes are nested: the platform wraps undici's error, fetch wraps it twice, and happy eyeballs adds a list of
 * attempts.
 */
const maxCauseDepth = 6

const classifyCause = (cause: unknown, depth: number): ClassifiedError | undefined => {
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  // The list of happy eyeballs has a code but no system call. Its attempts have both.
  const list = property(cause, "errors")
  const attempt = Array.isArray(list) ? classifyCause(list[0], depth - 1) : undefined
  if (attempt !== undefined) return attempt
  const code = property(cause, "code")
  const parser = classifyParserError(cause, code)
  if (parser !== undefined) return parser
  if (rejectedStatusPattern.test(String(property(cause, "message")))) {
    return { reason: "InvalidHttpResponse", sent: "maybe", code: firstCode(cause), detail: "its status is below 200" }
  }
  const found = typeof code === "string" ? Codes.classifyCode(code, property(cause, "syscall")) : undefined
  if (found !== undefined) return { ...found, code: String(code), detail: Codes.detailOf(String(code)) }
  return classifyCause(property(cause, "cause"), depth - 1)
}

/** The first code among the causes of an error, if none of them is known. */
const firstCode = (cause: unknown, depth = maxCauseDepth): string | undefined => {
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  const code = property(cause, "code")
  return Codes.isCode(code) ? code : firstCode(property(cause, "cause"), depth - 1)
}

/** Reasons that mean a truncated body once a response has begun. */
const truncationReasons: ReadonlySet<TransportReason> = new Set(["ConnectionReset", "Unknown"])

const repeatedLengthDetail = "a header field is invalid, or content-length is repeated or contradictory"

/**
 * Classifies a failed request by the first known code in its causes. An unknown code is kept, and the request may have
 * been sent.
 *
 * @param hasResponse - whether a response had begun. The codes then describe its body.
 */
export const classify = (cause: unknown, hasResponse = false): ClassifiedError => {
  const found = classifyCause(cause, maxCauseDepth) ?? { reason: "Unknown", sent: "maybe", code: firstCode(cause) }
  if (hasResponse) return truncationReasons.has(found.reason) ? { ...found, reason: "Truncated" } : found
  // undici compares the length with the bytes that it read, even if it could not parse the header.
  return found.code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"
    ? { ...found, reason: "InvalidHttpResponse", detail: repeatedLengthDetail }
    : found
}
