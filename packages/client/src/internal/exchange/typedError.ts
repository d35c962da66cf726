/** Typed errors of failed exchanges. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { RedirectRejected } from "../../Errors.js"
import { InvalidRequest, TransportError } from "../../Errors.js"
import { causeMessage } from "../errors/causeMessage.js"
import { recordedFailureOf } from "../errors/failureDetails.js"
import { ErrorMap } from "../runtime/platform.js"
import { isAboutResponse, reasonOf } from "../runtime/transportFailure.js"
import { classify } from "../errors/transportReason.js"
import { makeRedactor } from "../redaction/requestCredentials.js"
import { earlierSignings, redactedUrl } from "../redaction/requestHistory.js"

/** An error of the platform, or a cause alone. */
interface FailedExchange {
  readonly cause?: unknown
  readonly description?: string | undefined
}

/** The errors of a transport. */
export type SendFailure = TransportError | InvalidRequest | RedirectRejected

/**
 * The message of a cause without a known code. All values that the request adds to an empty one are redacted, because the
 * transport's request does not show which of them are credentials.
 */
const unknownDetail = (
  request: HttpClientRequest.HttpClientRequest,
  error: FailedExchange,
  cause: unknown
): string | undefined => {
  const unsigned = HttpClientRequest.make(request.method)("")
  return causeMessage(
    cause ?? error.description,
    makeRedactor([...earlierSignings(request), { unsigned, signed: request }])
  )
}

/**
 * A failure of the connection or the transfer.
 *
 * @param hasResponse - whether a response had begun. The error is then about its body.
 */
export const transportError = (
  request: HttpClientRequest.HttpClientRequest,
  error: FailedExchange,
  hasResponse: boolean
): TransportError => {
  const { cause, details } = recordedFailureOf(error)
  const { code, detail, reason, sent } = classify(cause, hasResponse)
  const isUnknown =
    details?.reason === undefined && code === undefined && (reason === "Unknown" || reason === "Truncated")
  return new TransportError({
    method: request.method,
    url: redactedUrl(request),
    reason: details?.reason ?? reason,
    sent: hasResponse ? "maybe" : details === undefined ? sent : details.phase === "written" ? "maybe" : "no",
    code: details?.code ?? code,
    detail: details?.detail ?? detail ?? (isUnknown ? unknownDetail(request, error, cause) : undefined),
    proxy: details?.proxy,
    cause
  })
}

/** For clients that use another client as transport: the inner client's typed error, by its platform error. */
export const clientErrorOf: WeakMap<object, SendFailure> = /* @__PURE__ */ new ErrorMap()

/** The typed error of a platform error. An error that an inner client made is returned as it was. */
export const typedError = (error: HttpClientError.HttpClientError): SendFailure => {
  const original = clientErrorOf.get(error)
  if (original !== undefined) return original
  const isResponse = isAboutResponse(error)
  const reason = reasonOf(error)
  if (isResponse || reason === "Transport") return transportError(error.request, error, isResponse)
  return reason === "InvalidUrl"
    ? new InvalidRequest({ reason: "Url", detail: `"${redactedUrl(error.request)}" is not a URL` })
    : new InvalidRequest({ reason: "Body", detail: "the body cannot be encoded" })
}
