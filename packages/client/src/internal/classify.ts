import type { TransportReason } from "../Errors.js"

/** What a code of the system, of undici or of OpenSSL says about an exchange. */
interface Class {
  readonly reason: TransportReason
  readonly sent: "no" | "maybe"
}

const never = (reason: TransportReason): Class => ({ reason, sent: "no" })
const perhaps = (reason: TransportReason): Class => ({ reason, sent: "maybe" })

const classes: ReadonlyMap<string, Class> = new Map([
  ["ENOTFOUND", never("NameNotResolved")],
  ["EAI_AGAIN", never("NameNotResolved")],
  ["EAI_FAIL", never("NameNotResolved")],
  ["ECONNREFUSED", never("ConnectionRefused")],
  ["EHOSTUNREACH", never("ConnectionRefused")],
  ["ENETUNREACH", never("ConnectionRefused")],
  ["EADDRNOTAVAIL", never("ConnectionRefused")],
  ["ERR_COUNTERSIGN_ADDRESS", never("AddressRefused")],
  ["UND_ERR_CONNECT_TIMEOUT", never("ConnectTimeout")],
  ["UND_ERR_HEADERS_TIMEOUT", perhaps("HeadersTimeout")],
  ["UND_ERR_BODY_TIMEOUT", perhaps("BodyTimeout")],
  ["UND_ERR_SOCKET", perhaps("ConnectionReset")],
  ["ECONNRESET", perhaps("ConnectionReset")],
  ["ECONNABORTED", perhaps("ConnectionReset")],
  ["EPIPE", perhaps("ConnectionReset")],
  ["UND_ERR_HEADERS_OVERFLOW", perhaps("HeaderTooLarge")],
  ["HPE_HEADER_OVERFLOW", perhaps("HeaderTooLarge")],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", perhaps("Truncated")],
  ["UND_ERR_RESPONSE", perhaps("Truncated")],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", never("Tls")],
  ["SELF_SIGNED_CERT_IN_CHAIN", never("Tls")],
  ["ERR_TLS_CERT_ALTNAME_INVALID", never("Tls")],
  // The handshake, or a record after the request was processed: the code alone does not tell which.
  ["EPROTO", perhaps("Tls")]
])

const isOfTheNetwork = (code: string): boolean => classes.get(code)?.reason === "ConnectionRefused"

const families: ReadonlyArray<readonly [prefix: string, Class]> = [
  ["HPE_", perhaps("InvalidAnswer")],
  ["CERT_", never("Tls")],
  ["UNABLE_TO_", never("Tls")],
  ["ERR_TLS_", perhaps("Tls")],
  ["ERR_SSL_", perhaps("Tls")]
]

/** System calls on a connection that came about. */
const exchanging: ReadonlySet<unknown> = new Set(["read", "write", "writev", "shutdown"])

const classOf = (code: string, syscall: unknown): Class | undefined => {
  // ETIMEDOUT is a connect that never came about, or a socket that fell silent: only the system call tells.
  if (code === "ETIMEDOUT") return syscall === "connect" ? never("ConnectTimeout") : perhaps("ConnectionReset")
  // A network that goes away shows under the same codes on a connection that has carried the request already.
  if (isOfTheNetwork(code) && exchanging.has(syscall)) return perhaps("ConnectionReset")
  return classes.get(code) ?? families.find(([prefix]) => code.startsWith(prefix))?.[1]
}

const property = (value: unknown, key: string): unknown =>
  // What `in` has just found there can be read; its type stays unknown.
  typeof value === "object" && value !== null && key in value ? (value as Record<string, unknown>)[key] : undefined

/** undici's parser does not always have a code for what it could not parse. */
const codeOf = (cause: object): unknown =>
  property(cause, "code") ?? (property(cause, "name") === "HTTPParserError" ? "HPE_INVALID" : undefined)

/** The code may sit some causes deep: platform wraps undici, fetch wraps it twice, happy eyeballs makes a list of it. */
const deepest = 6

const find = (cause: unknown, depth: number): (Class & { readonly code: string }) | undefined => {
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  const code = codeOf(cause)
  const found = typeof code === "string" ? classOf(code, property(cause, "syscall")) : undefined
  if (found !== undefined) return { ...found, code: String(code) }
  const list = property(cause, "errors")
  const first: unknown = Array.isArray(list) ? list[0] : undefined
  return find(property(cause, "cause"), depth - 1) ?? find(first, depth - 1)
}

/** A code that is safe to print: a name of the system or of a library. */
const isCode = (value: unknown): value is string => typeof value === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(value)

/** The first code among the causes of an error, where none of them is known. */
const unknownCode = (cause: unknown, depth = deepest): string | undefined => {
  if (depth === 0 || typeof cause !== "object" || cause === null) return undefined
  const code = codeOf(cause)
  return isCode(code) ? code : unknownCode(property(cause, "cause"), depth - 1)
}

/**
 * Classifies a failed exchange by the code somewhere in its cause. A code that is not in the tables is kept, and the
 * request may have been sent.
 */
export const classify = (cause: unknown): Class & { readonly code?: string | undefined } =>
  find(cause, deepest) ?? { ...perhaps("Unknown"), code: unknownCode(cause) }
