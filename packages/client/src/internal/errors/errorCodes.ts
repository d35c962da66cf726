/** The codes of failed exchanges: those of the system, of Node, of undici, of OpenSSL and of zlib. */
import type { TransportReason } from "../../Errors.js"

/** What a code says about an exchange. */
export interface Classification {
  readonly reason: TransportReason
  readonly sent: "no" | "maybe"
}

const notSent = (reason: TransportReason): Classification => ({ reason, sent: "no" })
const maybeSent = (reason: TransportReason): Classification => ({ reason, sent: "maybe" })

const classificationByCode: ReadonlyMap<string, Classification> = new Map([
  ["ENOTFOUND", notSent("NameNotResolved")],
  ["EAI_AGAIN", notSent("NameNotResolved")],
  ["EAI_FAIL", notSent("NameNotResolved")],
  ["ECONNREFUSED", notSent("ConnectionRefused")],
  ["EHOSTUNREACH", notSent("ConnectionRefused")],
  ["ENETUNREACH", notSent("ConnectionRefused")],
  ["EADDRNOTAVAIL", notSent("ConnectionRefused")],
  ["ERR_COUNTERSIGN_ADDRESS_BLOCKED", notSent("AddressBlocked")],
  ["ERR_COUNTERSIGN_TLS_ORIGINS", notSent("Tls")],
  ["UND_ERR_CONNECT_TIMEOUT", notSent("ConnectTimeout")],
  ["UND_ERR_HEADERS_TIMEOUT", maybeSent("HeadersTimeout")],
  ["UND_ERR_BODY_TIMEOUT", maybeSent("BodyTimeout")],
  ["UND_ERR_SOCKET", maybeSent("ConnectionReset")],
  ["ECONNRESET", maybeSent("ConnectionReset")],
  ["ECONNABORTED", maybeSent("ConnectionReset")],
  ["EPIPE", maybeSent("ConnectionReset")],
  ["UND_ERR_HEADERS_OVERFLOW", maybeSent("HeaderTooLarge")],
  ["HPE_HEADER_OVERFLOW", maybeSent("HeaderTooLarge")],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", maybeSent("Truncated")],
  ["UND_ERR_RESPONSE", maybeSent("Truncated")],
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", maybeSent("RequestBodyFailed")],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", notSent("Tls")],
  ["SELF_SIGNED_CERT_IN_CHAIN", notSent("Tls")],
  ["ERR_TLS_CERT_ALTNAME_INVALID", notSent("Tls")],
  // The handshake, or a record after the request was processed: the code alone does not tell which.
  ["EPROTO", maybeSent("Tls")],
  // The coded body ends early, although the framing is complete.
  ["Z_BUF_ERROR", maybeSent("Truncated")]
])

const classificationByPrefix: ReadonlyArray<readonly [prefix: string, Classification]> = [
  ["CERT_", notSent("Tls")],
  ["UNABLE_TO_", notSent("Tls")],
  ["ERR_TLS_", maybeSent("Tls")],
  ["ERR_SSL_", maybeSent("Tls")],
  ["ERR_OSSL_", maybeSent("Tls")],
  ["Z_", maybeSent("InvalidContentEncoding")],
  // Brotli's: `ERR_` and the decoder's own name of the error, which begins with `_ERROR_`.
  ["ERR__ERROR_", maybeSent("InvalidContentEncoding")],
  ["ZSTD_error_", maybeSent("InvalidContentEncoding")]
]

const isUnreachableCode = (code: string): boolean => classificationByCode.get(code)?.reason === "ConnectionRefused"

/** System calls on an established connection. */
const socketSyscalls: ReadonlySet<unknown> = new Set(["read", "write", "writev", "shutdown"])

/** Codes of a connection to a path, or of one that the system does not permit. */
const refusedConnectCodes: ReadonlySet<string> = new Set(["ENOENT", "ENOTSOCK", "EACCES", "EPERM", "EINVAL", "ENOTDIR"])

const classifyConnectError = (code: string): Classification => {
  if (code === "ETIMEDOUT") return notSent("ConnectTimeout")
  return refusedConnectCodes.has(code)
    ? notSent("ConnectionRefused")
    : notSent(classificationByCode.get(code)?.reason ?? "Unknown")
}

/** What a code says; undefined for an unknown one. The system call tells which side of the connection it is from. */
export const classifyCode = (code: string, syscall: unknown): Classification | undefined => {
  if (syscall === "connect" && isCode(code)) return classifyConnectError(code)
  if (code === "ETIMEDOUT") return maybeSent("ConnectionReset")
  // A network that goes away shows under the same codes on a connection that has carried the request already.
  if (isUnreachableCode(code) && socketSyscalls.has(syscall)) return maybeSent("ConnectionReset")
  return classificationByCode.get(code) ?? classificationByPrefix.find(([prefix]) => code.startsWith(prefix))?.[1]
}

const untrustedDetail = "the server's certificate is not trusted: give the transport the certificate of its authority"
const validityDetail = "the server's certificate is not valid at this time: check it and the clock"
const clientCertificateDetail = "the server demands a client certificate: set tls.cert, and its origin in tls.origins"
const missingOriginsDetail =
  "tls.origins names no https origin that the client certificate is for: set it to a list of https URLs"
const notTlsDetail = "the server sent no TLS: if it speaks plain HTTP, use http://"

const detailByCode: ReadonlyMap<string, string> = new Map([
  ["DEPTH_ZERO_SELF_SIGNED_CERT", untrustedDetail],
  ["SELF_SIGNED_CERT_IN_CHAIN", untrustedDetail],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", untrustedDetail],
  ["UNABLE_TO_GET_ISSUER_CERT", untrustedDetail],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", untrustedDetail],
  ["CERT_HAS_EXPIRED", validityDetail],
  ["CERT_NOT_YET_VALID", validityDetail],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is for another host name"],
  ["ERR_COUNTERSIGN_TLS_ORIGINS", missingOriginsDetail],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", clientCertificateDetail],
  ["ERR_SSL_WRONG_VERSION_NUMBER", notTlsDetail],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", notTlsDetail],
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "it is not as long as its content-length"],
  ["Z_BUF_ERROR", "its coding ends early"]
])

/** What exactly a code says, where its reason alone does not tell what to do. */
export const detailOf = (code: string): string | undefined => detailByCode.get(code)

/** Whether a value is a code that is safe to print: a name of the system or of a library. */
export const isCode = (value: unknown): value is string =>
  typeof value === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(value)
