/** The codes of failed exchanges: those of the system, of Node, of undici, of OpenSSL and of zlib. */
import type { TransportReason } from "../../Errors.js"

/** What a code says about an exchange. */
export interface Class {
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
  ["ERR_COUNTERSIGN_ADDRESS_BLOCKED", never("AddressBlocked")],
  ["ERR_COUNTERSIGN_TLS_ORIGINS", never("Tls")],
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
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", perhaps("RequestBodyFailed")],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", never("Tls")],
  ["SELF_SIGNED_CERT_IN_CHAIN", never("Tls")],
  ["ERR_TLS_CERT_ALTNAME_INVALID", never("Tls")],
  // The handshake, or a record after the request was processed: the code alone does not tell which.
  ["EPROTO", perhaps("Tls")],
  // The coded body ends early, although the framing is complete.
  ["Z_BUF_ERROR", perhaps("Truncated")]
])

const families: ReadonlyArray<readonly [prefix: string, Class]> = [
  ["CERT_", never("Tls")],
  ["UNABLE_TO_", never("Tls")],
  ["ERR_TLS_", perhaps("Tls")],
  ["ERR_SSL_", perhaps("Tls")],
  ["ERR_OSSL_", perhaps("Tls")],
  ["Z_", perhaps("InvalidContentEncoding")],
  // Brotli's: `ERR_` and the decoder's own name of the error, which begins with `_ERROR_`.
  ["ERR__ERROR_", perhaps("InvalidContentEncoding")],
  ["ZSTD_error_", perhaps("InvalidContentEncoding")]
]

const isOfTheNetwork = (code: string): boolean => classes.get(code)?.reason === "ConnectionRefused"

/** System calls on an established connection. */
const exchanging: ReadonlySet<unknown> = new Set(["read", "write", "writev", "shutdown"])

/** Codes of a connection to a path, or of one that the system does not permit. */
const refusing: ReadonlySet<string> = new Set(["ENOENT", "ENOTSOCK", "EACCES", "EPERM", "EINVAL", "ENOTDIR"])

const whileConnecting = (code: string): Class => {
  if (code === "ETIMEDOUT") return never("ConnectTimeout")
  return refusing.has(code) ? never("ConnectionRefused") : never(classes.get(code)?.reason ?? "Unknown")
}

/** What a code says; undefined for an unknown one. The system call tells which side of the connection it is from. */
export const classOf = (code: string, syscall: unknown): Class | undefined => {
  if (syscall === "connect" && isCode(code)) return whileConnecting(code)
  if (code === "ETIMEDOUT") return perhaps("ConnectionReset")
  // A network that goes away shows under the same codes on a connection that has carried the request already.
  if (isOfTheNetwork(code) && exchanging.has(syscall)) return perhaps("ConnectionReset")
  return classes.get(code) ?? families.find(([prefix]) => code.startsWith(prefix))?.[1]
}

const untrusted = "the server's certificate is not trusted: give the transport the certificate of its authority"
const validity = "the server's certificate is not valid at this time: check it and the clock"
const clientCertificate = "the server demands a client certificate: set tls.cert, and its origin in tls.origins"
const missingOrigins =
  "tls.origins names no https origin that the client certificate is for: set it to a list of https URLs"
const notTls = "the server sent no TLS: if it speaks plain HTTP, use http://"

const details: ReadonlyMap<string, string> = new Map([
  ["DEPTH_ZERO_SELF_SIGNED_CERT", untrusted],
  ["SELF_SIGNED_CERT_IN_CHAIN", untrusted],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", untrusted],
  ["UNABLE_TO_GET_ISSUER_CERT", untrusted],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", untrusted],
  ["CERT_HAS_EXPIRED", validity],
  ["CERT_NOT_YET_VALID", validity],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is for another host name"],
  ["ERR_COUNTERSIGN_TLS_ORIGINS", missingOrigins],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", clientCertificate],
  ["ERR_SSL_WRONG_VERSION_NUMBER", notTls],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", notTls],
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "it is not as long as its content-length"],
  ["Z_BUF_ERROR", "its coding ends early"]
])

/** What exactly a code says, where its reason alone does not tell what to do. */
export const detailOf = (code: string): string | undefined => details.get(code)

/** Whether a value is a code that is safe to print: a name of the system or of a library. */
export const isCode = (value: unknown): value is string =>
  typeof value === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(value)
