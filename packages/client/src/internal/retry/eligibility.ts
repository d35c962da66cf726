/** Decides which failures can be retried, without a clock or an effect. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { ClientError, Forbidden, RateLimited, Timeout, TransportError, Unavailable } from "../../Errors.js"
import * as RequestBody from "../../RequestBody.js"
import { responseOfError, withResponse } from "../errors/errorResponse.js"
import { isTransientFailure } from "../errors/transience.js"
import { retryHintOf, isRateLimit, shouldRetryOf } from "../response/retryAfter.js"
import { exchangeInfoOf, makeStatusError } from "../response/statusError.js"

/**
 * Input of a retry schedule.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = RateLimited | Unavailable | TransportError | Timeout

/** The statuses that a retry policy retries. */
export type Statuses = ReadonlySet<number>

/**
 * Why a response may be retried. `listed`: its status is in the list, or it is a rate limit and 429 is in the list.
 * `permitted`: only `x-should-retry` allows it. Undefined: it must not be retried.
 */
export type RetryBasis = "listed" | "permitted" | undefined

/** The {@link RetryBasis} of a response. A status below 400 is a failure only if the caller listed it. */
export const retryBasisOf = (response: HttpClientResponse, statuses: Statuses): RetryBasis => {
  if (statuses.has(response.status)) return "listed"
  if (response.status < 400) return undefined
  if (statuses.has(429) && isRateLimit(response)) return "listed"
  return shouldRetryOf(response) === true ? "permitted" : undefined
}

/**
 * Converts a response with a {@link RetryBasis} to the schedule's input. The error has the response's `retryAfter`,
 * whatever the status.
 */
export const retryFailureOf = (response: HttpClientResponse, now: number): RateLimited | Unavailable => {
  const error = makeStatusError(response, now)
  if (error._tag === "RateLimited" || error._tag === "Unavailable") return error
  // The status is not transient in itself: the caller listed it, or the server set `x-should-retry`.
  return withResponse(new Unavailable({ ...exchangeInfoOf(response), ...retryHintOf(response, now) }), response)
}

/** An error that an inner client made of the status of a response. */
const isStatusError = (error: unknown): error is RateLimited | Unavailable | ClientError | Forbidden =>
  // Errors of a local limit are excluded: the request has already waited, or must not wait.
  (error instanceof RateLimited && error.source === "server") ||
  error instanceof Unavailable ||
  error instanceof ClientError ||
  error instanceof Forbidden

/**
 * The {@link RetryBasis} of an error. An inner client has already turned statuses into errors, and the list applies to
 * those too.
 */
export const retryBasisOfError = (error: unknown, statuses: Statuses): RetryBasis => {
  if (error instanceof TransportError) return "listed"
  if (error instanceof Timeout) return error.scope === "exchange" ? "listed" : undefined
  if (!isStatusError(error)) return undefined
  if (statuses.has(error.status) || (error._tag === "RateLimited" && statuses.has(429))) return "listed"
  const response = responseOfError.get(error)
  return response !== undefined && shouldRetryOf(response) === true ? "permitted" : undefined
}

/** Converts an error to the schedule's input. Undefined for an error without a {@link RetryBasis}. */
export const retryFailureOfError = (error: unknown, now: number): Failure | undefined => {
  if (error instanceof TransportError || error instanceof Timeout) return error
  if (error instanceof RateLimited || error instanceof Unavailable) return error
  if (!(error instanceof ClientError || error instanceof Forbidden)) return undefined
  const response = responseOfError.get(error)
  return response === undefined ? undefined : retryFailureOf(response, now)
}

// Idempotent methods (RFC 9110 §9.2.2) that the platform can send.
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])

const isIdempotent = (request: HttpClientRequest, keyHeader: string): boolean =>
  idempotentMethods.has(request.method) || request.headers[keyHeader] !== undefined

const isTransient = (failure: Failure, transientStatuses: Statuses): boolean => {
  if (failure._tag === "TransportError") return isTransientFailure(failure, (status) => transientStatuses.has(status))
  const response = responseOfError.get(failure)
  return response === undefined || shouldRetryOf(response) !== false
}

/**
 * Whether the request can be sent again after the failure: the failure is transient, a duplicate does no harm, and the
 * body is replayable.
 *
 * @param transientStatuses - statuses of a proxy that are transient.
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
 * The error for a server's wait that is too long: `RateLimited` with its `retryAfter`, whatever the status was.
 * Undefined if the failure is already `RateLimited`, or has no `retryAfter`.
 */
export const waitRejectedError = (failure: Failure): RateLimited | undefined => {
  if (failure._tag !== "Unavailable" || failure.retryAfter === undefined) return undefined
  const { method, response, retryAfter, retryAt, status, url } = failure
  const limited = new RateLimited({ method, url, status, retryAfter, retryAt })
  return response === undefined ? limited : withResponse(limited, response)
}
