import type { FailureDetails, SendPhase } from "@countersign/client/Transport"
import { errors } from "undici/index.js"
import { FileBodyError } from "../upload/fileBodyError.js"
import { ProxyError } from "./proxyError.js"
import { RequestFailure } from "./requestFailure.js"

/** A failure with more details than its code gives. */
export class DescribedFailure extends Error {
  override readonly name: string = "DescribedFailure"
  readonly details: Omit<FailureDetails, "phase">

  /** @param cause - the original error, which `TransportError.cause` gives. */
  constructor(details: Omit<FailureDetails, "phase">, cause: unknown) {
    super(details.detail ?? details.reason, { cause })
    this.details = details
  }
}

const bodySourceFailed = "the source of the request body failed. Its error is the cause"

/** The failure of a request body. */
export const bodyFailure = (cause: unknown): DescribedFailure =>
  new DescribedFailure(
    { reason: "RequestBodyFailed", detail: cause instanceof FileBodyError ? cause.message : bodySourceFailed },
    cause
  )

const bodyErrors = new WeakSet<Error>()

/** Marks an error of a request body stream. undici fails the request with the same object. */
export const markBodyError = (error: Error): void => void bodyErrors.add(error)

/** The codes for a plain HTTP response to a TLS handshake. */
const plainHttpCodes: ReadonlySet<string> = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"])

const plainHttp = "the server does not use TLS on this port. Use http://"
const handshakeFailed = "the TLS handshake failed"
const handshakeRejected = "the server rejected the TLS handshake. It may require a client certificate (tls.cert)"
const certificateRejected = "the server rejected the client certificate. Check `tls.cert`"

/** What alerts of a server mean, by the ends of their codes: RFC 8446 §6.2. */
const alertDetails: ReadonlyArray<readonly [pattern: RegExp, detail: string]> = [
  [/PROTOCOL_VERSION$/, "the server supports no TLS version of this client"],
  [/INSUFFICIENT_SECURITY$/, "the server accepts no cipher of this client"],
  [/NO_APPLICATION_PROTOCOL$/, "the server supports no HTTP version that was offered. `allowH2` offers HTTP/2"],
  [/UNRECOGNIZED_NAME$/, "the server does not serve this host name. Check the host, and `tls.servername`"],
  [/(CERTIFICATE(_EXPIRED|_REVOKED|_UNKNOWN)?|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/, certificateRejected]
]

const alertDetail = (code: string): string | undefined => alertDetails.find(([pattern]) => pattern.test(code))?.[1]
const brokenRecord = "a TLS record of the response is invalid"
const alertReceived = "the server ended the TLS session with an alert"
const rawBody = "invalid raw body. Use a string, bytes, a stream, an iterable, a Blob or a form"

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""

const closed = "the transport is closed. Send requests within the scope of its Layer"

const reasonOf = (cause: unknown, phase: SendPhase): Omit<FailureDetails, "phase"> => {
  // undici's message for an unsupported body. Its other arguments are checked before.
  if (cause instanceof errors.InvalidArgumentError && cause.message.startsWith("body must be")) {
    return { reason: "RequestBodyFailed", detail: rawBody }
  }
  if (cause instanceof errors.ClientDestroyedError) return { detail: closed }
  return tlsReason(codeOf(cause), phase)
}

const tlsReason = (code: string, phase: SendPhase): Omit<FailureDetails, "phase"> => {
  if (!code.startsWith("ERR_SSL_") || code === "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED") return {}
  // OpenSSL's name for this alert is the only one without "ALERT".
  const isAlert = code.includes("_ALERT_") || code.endsWith("_UNRECOGNIZED_NAME")
  const alert = isAlert ? alertDetail(code) : undefined
  if (phase !== "connecting") return { reason: "Tls", detail: alert ?? (isAlert ? alertReceived : brokenRecord) }
  if (plainHttpCodes.has(code)) return { reason: "Tls", detail: plainHttp }
  return { reason: "Tls", detail: alert ?? (isAlert ? handshakeRejected : handshakeFailed) }
}

/** What a failure says, and the original error. */
export interface FailureDescription {
  readonly cause: unknown
  readonly details: FailureDetails
}

/** HTTP/2 failures contain the phase, and more of the reason than their cause. */
const describeHttp2 = (failure: RequestFailure): FailureDescription => {
  const { code, detail, phase, reason } = failure.details
  const { cause, details } = describe(failure.cause, phase)
  return {
    cause,
    details: {
      ...details,
      code: code ?? details.code,
      reason: reason ?? details.reason,
      detail: detail ?? details.detail
    }
  }
}

/** What a failure says, and the original error. */
export const describe = (failure: unknown, phase: SendPhase): FailureDescription => {
  if (failure instanceof RequestFailure) return describeHttp2(failure)
  const known = failure instanceof Error && bodyErrors.has(failure) ? bodyFailure(failure) : failure
  if (known instanceof ProxyError) return { cause: known, details: { phase, ...known.details } }
  return known instanceof DescribedFailure
    ? { cause: known.cause, details: { ...known.details, phase } }
    : { cause: known, details: { ...reasonOf(known, phase), phase } }
}
