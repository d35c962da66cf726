/** Which failures are worth another attempt, and which may have one: decisions, without a clock or an effect. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { TransportReason } from "../../Errors.js"
import { ClientError, Forbidden, RateLimited, Timeout, TransportError, Unavailable } from "../../Errors.js"
import * as RequestBody from "../../RequestBody.js"
import { lastResponse, withResponse } from "../errors/errorResponse.js"
import { classify } from "../errors/transportReason.js"
import { comeBackOf, isLimit, toldToRetry } from "../response/retryAfter.js"
import { exchangeOf, statusError } from "../response/statusError.js"

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
export type Standing = "listed" | "permitted" | undefined

/** The {@link Standing} of a response. A status below 400 is an answer unless the caller named it. */
export const standingOf = (response: HttpClientResponse, statuses: Statuses): Standing => {
  if (statuses.has(response.status)) return "listed"
  if (response.status < 400) return undefined
  if (statuses.has(429) && isLimit(response)) return "listed"
  return toldToRetry(response) === true ? "permitted" : undefined
}

/** What a schedule decides over where a response has a {@link Standing}: it says when to come back, whatever its status. */
export const failureOf = (response: HttpClientResponse, now: number): RateLimited | Unavailable => {
  const error = statusError(response, now)
  if (error._tag === "RateLimited" || error._tag === "Unavailable") return error
  // A status that is none of the transient ones: the caller, or the server, says that it is one.
  return withResponse(new Unavailable({ ...exchangeOf(response), ...comeBackOf(response, now) }), response)
}

/** An error that a client further in made of the status of a response. */
const isStatusError = (error: unknown): error is RateLimited | Unavailable | ClientError | Forbidden =>
  // What was held back was not refused: it has waited already, or was not to wait.
  (error instanceof RateLimited && error.source === "server") ||
  error instanceof Unavailable ||
  error instanceof ClientError ||
  error instanceof Forbidden

/** The {@link Standing} of an error. A whole client further in has typed its statuses already: the list holds for those too. */
export const standingOfError = (error: unknown, statuses: Statuses): Standing => {
  if (error instanceof TransportError) return "listed"
  if (error instanceof Timeout) return error.scope === "exchange" ? "listed" : undefined
  if (!isStatusError(error)) return undefined
  if (statuses.has(error.status) || (error._tag === "RateLimited" && statuses.has(429))) return "listed"
  const response = lastResponse.get(error)
  return response !== undefined && toldToRetry(response) === true ? "permitted" : undefined
}

/** {@link failureOf} of an error; undefined for one that has no {@link Standing}. */
export const failureOfError = (error: unknown, now: number): Failure | undefined => {
  if (error instanceof TransportError || error instanceof Timeout) return error
  if (error instanceof RateLimited || error instanceof Unavailable) return error
  if (!(error instanceof ClientError || error instanceof Forbidden)) return undefined
  const response = lastResponse.get(error)
  return response === undefined ? undefined : failureOf(response, now)
}

// RFC 9110 §9.2.2, of the methods that the platform sends.
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])

const isIdempotent = (request: HttpClientRequest, keyHeader: string): boolean =>
  idempotentMethods.has(request.method) || request.headers[keyHeader] !== undefined

/** The reasons that a further attempt would fail with, too. */
const pointless: ReadonlySet<TransportReason> = new Set<TransportReason>([
  "AddressBlocked",
  "HeaderTooLarge",
  "InvalidHttpResponse",
  "InvalidContentEncoding",
  "RequestBodyFailed",
  "Tls"
])

/** Whether a proxy may open a connection another time: its status and the code are judged like those of a server. */
const proxyMayHelp = (failure: TransportError, transient: Statuses): boolean => {
  const status = failure.proxy?.status
  return status === undefined ? !pointless.has(classify(failure).reason) : transient.has(status)
}

const mayHelp = (failure: Failure, transient: Statuses): boolean => {
  if (failure._tag === "TransportError") {
    return failure.reason === "ProxyFailed" ? proxyMayHelp(failure, transient) : !pointless.has(failure.reason)
  }
  const response = lastResponse.get(failure)
  return response === undefined || toldToRetry(response) !== false
}

/**
 * Whether a request may be sent again after a failure: it may help, it does no harm, and its body is still there.
 *
 * @param transient - the statuses of a proxy that another attempt may help against.
 */
export const mayResend = (
  request: HttpClientRequest,
  failure: Failure,
  keyHeader: string,
  transient: Statuses
): boolean =>
  mayHelp(failure, transient) &&
  RequestBody.isReplayable(request.body) &&
  (isIdempotent(request, keyHeader) || (failure._tag === "TransportError" && failure.sent === "no"))

/**
 * The error of a wait that is too long, where the server asked for it: it says when to come back, whatever the status was.
 * Undefined where the failure says so itself, or nothing does.
 */
export const tooLong = (failure: Failure): RateLimited | undefined => {
  if (failure._tag !== "Unavailable" || failure.retryAfter === undefined) return undefined
  const { method, response, retryAfter, retryAt, status, url } = failure
  const limited = new RateLimited({ method, url, status, retryAfter, retryAt })
  return response === undefined ? limited : withResponse(limited, response)
}
