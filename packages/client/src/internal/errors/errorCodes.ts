/** Error codes of failed requests: those of the system, Node, undici, OpenSSL and zlib. */
import type { TransportReason } from "../../Errors.js"

/** What a code says about a request. */
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
  // From the handshake, or from a record after the request was processed. The code does not distinguish them.
  ["EPROTO", maybeSent("Tls")],
  // The encoded body is truncated, although the framing is complete.
  ["Z_BUF_ERROR", maybeSent("Truncated")]
])

const classificationByPrefix: ReadonlyArray<readonly [prefix: string, Classification]> = [
  ["CERT_", notSent("Tls")],
  ["UNABLE_TO_", notSent("Tls")],
  ["ERR_TLS_", maybeSent("Tls")],
  ["ERR_SSL_", maybeSent("Tls")],
  ["ERR_OSSL_", maybeSent("Tls")],
  ["Z_", maybeSent("InvalidContentEncoding")],
  // Brotli: `ERR_`, then the decoder's error name, which starts with `_ERROR_`.
  ["ERR__ERROR_", maybeSent("InvalidContentEncoding")],
  ["ZSTD_error_", maybeSent("InvalidContentEncoding")]
]

const isUnreachableCode = (code: string): boolean => classificationByCode.get(code)?.reason === "ConnectionRefused"

/** System calls on an established connection. */
const socketSyscalls: ReadonlySet<unknown> = new Set(["read", "write", "writev", "shutdown"])

/** A lookup of a host name: by the system, or by a query of `node:dns` such as `queryA`. */
const lookupPattern = /^(?:getaddrinfo|query)/

/** Codes of a connection to a path, or of a connection that the system does not permit. */
const refusedConnectCodes: ReadonlySet<string> = new Set(["ENOENT", "ENOTSOCK", "EACCES", "EPERM", "EINVAL", "ENOTDIR"])

const classifyConnectError = (code: string): Classification => {
  if (code === "ETIMEDOUT") return notSent("ConnectTimeout")
  return refusedConnectCodes.has(code)
    ? notSent("ConnectionRefused")
    : notSent(classificationByCode.get(code)?.reason ?? "Unknown")
}

/**
 * Classifies a code. Undefined for an unknown code. The system call decides whether the connection was already
 * established.
 */
export const classifyCode = (code: string, syscall: unknown): Classification | undefined => {
  if (isCode(code)) {
    if (syscall === "connect") return classifyConnectError(code)
    if (lookupPattern.test(String(syscall))) return notSent("NameNotResolved")
  }
  if (code === "ETIMEDOUT") return maybeSent("ConnectionReset")
  // If the network goes down, an established connection that has already carried the request fails with the same codes.
  if (isUnreachableCode(code) && socketSyscalls.has(syscall)) return maybeSent("ConnectionReset")
  return classificationByCode.get(code) ?? classificationByPrefix.find(([prefix]) => code.startsWith(prefix))?.[1]
}

const untrustedDetail = "the server's certificate is not trusted. Pass the certificate of its CA to the transport"
const validityDetail = "the server's certificate is expired or not yet valid. Check the certificate and the clock"
const clientCertificateDetail =
  "the server requires a client certificate. Set `tls.cert`, and add the origin to `tls.origins`"
const missingOriginsDetail =
  "`tls.origins` contains no https origin for the client certificate. Set it to a list of https URLs"
const notTlsDetail = "the server does not speak TLS. Use http:// if it speaks plain HTTP"

const detailByCode: ReadonlyMap<string, string> = new Map([
  ["DEPTH_ZERO_SELF_SIGNED_CERT", untrustedDetail],
  ["SELF_SIGNED_CERT_IN_CHAIN", untrustedDetail],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", untrustedDetail],
  ["UNABLE_TO_GET_ISSUER_CERT", untrustedDetail],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", untrustedDetail],
  ["CERT_HAS_EXPIRED", validityDetail],
  ["CERT_NOT_YET_VALID", validityDetail],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is for another host name. Check the base URL"],
  ["ERR_COUNTERSIGN_TLS_ORIGINS", missingOriginsDetail],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", clientCertificateDetail],
  ["ERR_SSL_WRONG_VERSION_NUMBER", notTlsDetail],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", notTlsDetail],
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "its length differs from its content-length"],
  ["Z_BUF_ERROR", "the encoded body is truncated"]
])

/** Details of a code, if the reason alone does not say what to do. */
export const detailOf = (code: string): string | undefined => detailByCode.get(code)

/** Whether a value is an error code of the system or of a library, which is safe to print. */
export const isCode = (value: unknown): value is string =>
  typeof value === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(value)
