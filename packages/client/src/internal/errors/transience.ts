/** Decides whether a failed exchange may succeed at a later attempt. */
import type { TransportError, TransportReason } from "../../Errors.js"
import { classify } from "./transportReason.js"

/** Reasons with which a further attempt would fail too. */
const permanentReasons: ReadonlySet<TransportReason> = new Set<TransportReason>([
  "AddressBlocked",
  "HeaderTooLarge",
  "InvalidHttpResponse",
  "InvalidContentEncoding",
  "RequestBodyFailed",
  "Tls"
])

/** Whether a proxy may connect at a further attempt. Its status and error code are judged like those of a server. */
const isTransientProxyFailure = (failure: TransportError, isTransientStatus: (status: number) => boolean): boolean => {
  const status = failure.proxy?.status
  return status === undefined ? !permanentReasons.has(classify(failure).reason) : isTransientStatus(status)
}

/**
 * Whether a failure of the transport is transient.
 *
 * @param isTransientStatus - whether a status of a proxy is transient.
 */
export const isTransientFailure = (failure: TransportError, isTransientStatus: (status: number) => boolean): boolean =>
  failure.reason === "ProxyFailed"
    ? isTransientProxyFailure(failure, isTransientStatus)
    : !permanentReasons.has(failure.reason)
