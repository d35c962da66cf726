import type { TransportReason } from "../../Errors.js"
import * as Codes from "./errorCodes.js"
import type { Classification } from "./errorCodes.js"

const property = (value: unknown, key: string): unknown =>
  // What `in` has just found there can be read; its type stays unknown.
  typeof value === "object" && value !== null && key in value ? (value as Record<string, unknown>)[key] : undefined

/** What is known of a failed exchange from the causes of its error. */
export interface ClassifiedError extends Classification {
  readonly code?: string | undefined
  readonly detail?: string | undefined
}

/** The end of a parser's message, in undici's errors: "Response does not match the HTTP/1.1 protocol (…)". */
const parserMessagePattern = /\(([^()]{1,100})\)$/

/** The words of the HTTP parser: fixed texts of llhttp, which hold nothing of the response. */
const parserMessageOf = (cause: object): string | undefined => {
  const reason = property(cause, "reason")
  if (typeof reason === "string" && reason !== "") return reason
  const message = property(cause, "message")
  return typeof message === "string" ? parserMessagePattern.exec(message)?.[1] : undefined
}

/** A TLS alert: what a TLS server sends when it receives plain HTTP (RFC 8446 §5.1, §6). */
const tlsAlert = "\u0015\u0003"

const isTlsAlert = (cause: object): boolean => {
  const data = property(cause, "data") ?? property(cause, "rawPacket")
  if (typeof data === "string") return data.startsWith(tlsAlert)
  return data instanceof Uint8Array && data[0] === 0x15 && data[1] === 0x03
}

const endOfInput = "HPE_INVALID_EOF_STATE"

/** An error of the HTTP parser. undici's have a name and no code; those of `node:http` have a code. */
const classifyParserError = (cause: object, code: unknown): ClassifiedError | undefined => {
  const isUndici = property(cause, "name") === "HTTPParserError"
  if (!isUndici && !(typeof code === "string" && code.startsWith("HPE_"))) return undefined
  if (code === "HPE_HEADER_OVERFLOW") return undefined
  const parserMessage = parserMessageOf(cause)
  if (code === endOfInput || parserMessage === "Invalid EOF state") {
    return { reason: "ConnectionReset", sent: "maybe", code: endOfInput }
  }
  const detail = isTlsAlert(cause) ? "the server speaks TLS: use https://" : parserMessage
  return { reason: "InvalidHttpResponse", sent: "maybe", code: Codes.isCode(code) ? code : "HPE_INVALID", detail }
}

/** The code may sit some causes deep: platform wraps undici, fetch wraps it twice, happy eyeballs makes a list of it. */
const maxCauseDepth = 6

const classifyCause = (cause: unknown, depth: number): ClassifiedError | undefined => {
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  // Happy eyeballs' list has a code of its own and no system call; the attempts have both.
  const list = property(cause, "errors")
  const attempt = Array.isArray(list) ? classifyCause(list[0], depth - 1) : undefined
  if (attempt !== undefined) return attempt
  const code = property(cause, "code")
  const parser = classifyParserError(cause, code)
  if (parser !== undefined) return parser
  const found = typeof code === "string" ? Codes.classifyCode(code, property(cause, "syscall")) : undefined
  if (found !== undefined) return { ...found, code: String(code), detail: Codes.detailOf(String(code)) }
  return classifyCause(property(cause, "cause"), depth - 1)
}

/** The first code among the causes of an error, where none of them is known. */
const firstCode = (cause: unknown, depth = maxCauseDepth): string | undefined => {
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  const code = property(cause, "code")
  return Codes.isCode(code) ? code : firstCode(property(cause, "cause"), depth - 1)
}

/** The reasons that, once a response has begun, say that its body is incomplete. */
const truncationReasons: ReadonlySet<TransportReason> = new Set(["ConnectionReset", "Unknown"])

const repeatedLengthDetail = "a header field is invalid, or its content-length is repeated or contradicted"

/**
 * Classifies a failed exchange by the code somewhere in its cause. A code that is not in the tables is kept, and the
 * request may have been sent.
 *
 * @param hasResponse - whether a response had begun: the same codes are then about its body.
 */
export const classify = (cause: unknown, hasResponse = false): ClassifiedError => {
  const found = classifyCause(cause, maxCauseDepth) ?? { reason: "Unknown", sent: "maybe", code: firstCode(cause) }
  if (hasResponse) return truncationReasons.has(found.reason) ? { ...found, reason: "Truncated" } : found
  // undici compares the length with what it has read of the body, also where it could not parse the header.
  return found.code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"
    ? { ...found, reason: "InvalidHttpResponse", detail: repeatedLengthDetail }
    : found
}
