/** Which failures are worth another attempt, and which may have one: decisions, without a clock or an effect. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { TransportReason } from "../../Errors.js"
import { ClientError, Forbidden, RateLimited, Timeout, TransportError, Unavailable } from "../../Errors.js"
import * as RequestBody from "../../RequestBody.js"
import { responseOfError, withResponse } from "../errors/errorResponse.js"
import { classify } from "../errors/transportReason.js"
import { retryHintOf, isRateLimit, shouldRetryOf } from "../response/retryAfter.js"
import { exchangeInfoOf, makeStatusError } from "../response/statusError.js"

/**
 * What a retry schedule decides over.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = RateLimited | Unavailable | TransportError | Timeout

/** The statuses on the list of a retry. */
export type Statuses = ReadonlySet<number>

/**
 * Why a response may have another attempt: `listed` where its status is on the list, or it is a rate limit and 429 is;
 * `permitted` where only `x-should-retry` says so; undefined where it may not.
 */
export type RetryBasis = "listed" | "permitted" | undefined

/** The {@link RetryBasis} of a response. A status below 400 is an answer unless the caller named it. */
export const retryBasisOf = (response: HttpClientResponse, statuses: Statuses): RetryBasis => {
  if (statuses.has(response.status)) return "listed"
  if (response.status < 400) return undefined
  if (statuses.has(429) && isRateLimit(response)) return "listed"
  return shouldRetryOf(response) === true ? "permitted" : undefined
}

/** What a schedule decides over where a response has a {@link RetryBasis}: it says when to come back, whatever its status. */
export const retryFailureOf = (response: HttpClientResponse, now: number): RateLimited | Unavailable => {
  const error = makeStatusError(response, now)
  if (error._tag === "RateLimited" || error._tag === "Unavailable") return error
  // A status that is none of the transient ones: the caller, or the server, says that it is one.
  return withResponse(new Unavailable({ ...exchangeInfoOf(response), ...retryHintOf(response, now) }), response)
}

/** An error that a client further in made of the status of a response. */
const isStatusError = (error: unknown): error is RateLimited | Unavailable | ClientError | Forbidden =>
  // What was held back was not refused: it has waited already, or was not to wait.
  (error instanceof RateLimited && error.source === "server") ||
  error instanceof Unavailable ||
  error instanceof ClientError ||
  error instanceof Forbidden

/** The {@link RetryBasis} of an error. A whole client further in has typed its statuses already: the list holds for those too. */
export const retryBasisOfError = (error: unknown, statuses: Statuses): RetryBasis => {
  if (error instanceof TransportError) return "listed"
  if (error instanceof Timeout) return error.scope === "exchange" ? "listed" : undefined
  if (!isStatusError(error)) return undefined
  if (statuses.has(error.status) || (error._tag === "RateLimited" && statuses.has(429))) return "listed"
  const response = responseOfError.get(error)
  return response !== undefined && shouldRetryOf(response) === true ? "permitted" : undefined
}

/** {@link retryFailureOf} of an error; undefined for one that has no {@link RetryBasis}. */
export const retryFailureOfError = (error: unknown, now: number): Failure | undefined => {
  if (error instanceof TransportError || error instanceof Timeout) return error
  if (error instanceof RateLimited || error instanceof Unavailable) return error
  if (!(error instanceof ClientError || error instanceof Forbidden)) return undefined
  const response = responseOfError.get(error)
  return response === undefined ? undefined : retryFailureOf(response, now)
}

// RFC 9110 §9.2.2, of the methods that the platform sends.
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])

const isIdempotent = (request: HttpClientRequest, keyHeader: string): boolean =>
  idempotentMethods.has(request.method) || request.headers[keyHeader] !== undefined

/** The reasons that a further attempt would fail with, too. */
const permanentReasons: ReadonlySet<TransportReason> = new Set<TransportReason>([
  "AddressBlocked",
  "HeaderTooLarge",
  "InvalidHttpResponse",
  "InvalidContentEncoding",
  "RequestBodyFailed",
  "Tls"
])

/** Whether a proxy may open a connection another time: its status and the code are judged like those of a server. */
const isTransientProxyFailure = (failure: TransportError, transientStatuses: Statuses): boolean => {
  const status = failure.proxy?.status
  return status === undefined ? !permanentReasons.has(classify(failure).reason) : transientStatuses.has(status)
}

const isTransient = (failure: Failure, transientStatuses: Statuses): boolean => {
  if (failure._tag === "TransportError") {
    return failure.reason === "ProxyFailed"
      ? isTransientProxyFailure(failure, transientStatuses)
      : !permanentReasons.has(failure.reason)
  }
  const response = responseOfError.get(failure)
  return response === undefined || shouldRetryOf(response) !== false
}

/**
 * Whether a request may be sent again after a failure: it may help, it does no harm, and its body is still there.
 *
 * @param transientStatuses - the statuses of a proxy that another attempt may help against.
 */
export const isRetryable = (
  request: HttpClientRequest,
  failure: Failure,
  keyHeader: string,
  transientStatuses: Statuses
): boolean =>
  isTransient(failure, transientStatuses) &&
  RequestBody.isReplayable(request.body) &&
  (isIdempotent(request, keyHeader) || (failure._tag === "TransportError" && failure.sent === "no"))

/**
 * The error of a wait that is too long, where the server asked for it: it says when to come back, whatever the status was.
 * Undefined where the failure says so itself, or nothing does.
 */
export const waitRejectedError = (failure: Failure): RateLimited | undefined => {
  if (failure._tag !== "Unavailable" || failure.retryAfter === undefined) return undefined
  const { method, response, retryAfter, retryAt, status, url } = failure
  const limited = new RateLimited({ method, url, status, retryAfter, retryAt })
  return response === undefined ? limited : withResponse(limited, response)
}
