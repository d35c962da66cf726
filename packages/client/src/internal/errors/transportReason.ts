import type { TransportReason } from "../../Errors.js"
import * as Codes from "./errorCodes.js"
import type { Class } from "./errorCodes.js"

const property = (value: unknown, key: string): unknown =>
  // What `in` has just found there can be read; its type stays unknown.
  typeof value === "object" && value !== null && key in value ? (value as Record<string, unknown>)[key] : undefined

/** What is known of a failed exchange from the causes of its error. */
export interface Classified extends Class {
  readonly code?: string | undefined
  readonly detail?: string | undefined
}

/** The end of a parser's message, in undici's errors: "Response does not match the HTTP/1.1 protocol (…)". */
const parserWords = /\(([^()]{1,100})\)$/

/** The words of the HTTP parser: fixed texts of llhttp, which hold nothing of the response. */
const wordsOf = (cause: object): string | undefined => {
  const reason = property(cause, "reason")
  if (typeof reason === "string" && reason !== "") return reason
  const message = property(cause, "message")
  return typeof message === "string" ? parserWords.exec(message)?.[1] : undefined
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
const parserError = (cause: object, code: unknown): Classified | undefined => {
  const isUndici = property(cause, "name") === "HTTPParserError"
  if (!isUndici && !(typeof code === "string" && code.startsWith("HPE_"))) return undefined
  if (code === "HPE_HEADER_OVERFLOW") return undefined
  const words = wordsOf(cause)
  if (code === endOfInput || words === "Invalid EOF state") {
    return { reason: "ConnectionReset", sent: "maybe", code: endOfInput }
  }
  const detail = isTlsAlert(cause) ? "the server speaks TLS: use https://" : words
  return { reason: "InvalidHttpResponse", sent: "maybe", code: Codes.isCode(code) ? code : "HPE_INVALID", detail }
}

/** The code may sit some causes deep: platform wraps undici, fetch wraps it twice, happy eyeballs makes a list of it. */
const deepest = 6

const find = (cause: unknown, depth: number): Classified | undefined => {
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  // Happy eyeballs' list has a code of its own and no system call; the attempts have both.
  const list = property(cause, "errors")
  const attempt = Array.isArray(list) ? find(list[0], depth - 1) : undefined
  if (attempt !== undefined) return attempt
  const code = property(cause, "code")
  const parser = parserError(cause, code)
  if (parser !== undefined) return parser
  const found = typeof code === "string" ? Codes.classOf(code, property(cause, "syscall")) : undefined
  if (found !== undefined) return { ...found, code: String(code), detail: Codes.detailOf(String(code)) }
  return find(property(cause, "cause"), depth - 1)
}

/** The first code among the causes of an error, where none of them is known. */
const unknownCode = (cause: unknown, depth = deepest): string | undefined => {
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  const code = property(cause, "code")
  return Codes.isCode(code) ? code : unknownCode(property(cause, "cause"), depth - 1)
}

/** The reasons that, once a response has begun, say that its body is incomplete. */
const cuts: ReadonlySet<TransportReason> = new Set(["ConnectionReset", "Unknown"])

const repeatedLength = "a header field is invalid, or its content-length is repeated or contradicted"

/**
 * Classifies a failed exchange by the code somewhere in its cause. A code that is not in the tables is kept, and the
 * request may have been sent.
 *
 * @param begun - whether a response had begun: the same codes are then about its body.
 */
export const classify = (cause: unknown, begun = false): Classified => {
  const found = find(cause, deepest) ?? { reason: "Unknown", sent: "maybe", code: unknownCode(cause) }
  if (begun) return cuts.has(found.reason) ? { ...found, reason: "Truncated" } : found
  // undici compares the length with what it has read of the body, also where it could not parse the header.
  return found.code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"
    ? { ...found, reason: "InvalidHttpResponse", detail: repeatedLength }
    : found
}
