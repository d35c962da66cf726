/**
 * Groups of the errors of a call, by what the caller can do.
 *
 * | group | tags | what helps |
 * |---|---|---|
 * | {@link transient} | `RateLimited`, `Unavailable`, `TransportError`, `Timeout`, `CircuitOpen`, `Overloaded` | a later call |
 * | {@link credentials} | `Unauthorized`, `Forbidden` | a new sign-in, or more access |
 * | {@link refused} | `Unauthorized`, `Forbidden`, `RateLimited`, `Unavailable`, `ClientError` | see the server's words |
 *
 * The errors of authentication schemes, such as `TokenError`, are in no group.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as ApiError from "@countersign/client/ApiError"
 * import * as Effect from "effect/Effect"
 *
 * class Api extends ApiClient.Tag("app/Api")<Api>() {}
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* Api
 *   return yield* api.get("/orders/42")
 * }).pipe(
 *   Effect.catchTag(...ApiError.transient, (error) => Effect.logWarning(error.message))
 * )
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { ApiError } from "./Errors.js"
import {
  BodyTooLarge,
  CircuitOpen,
  ClientError,
  Forbidden,
  InvalidRequest,
  InvalidResponse,
  Overloaded,
  RateLimited,
  RedirectRejected,
  Timeout,
  TransportError,
  Unauthorized,
  Unavailable
} from "./Errors.js"
import { responseOfError } from "./internal/errors/errorResponse.js"
import { isTransientFailure } from "./internal/errors/transience.js"
import { shouldRetryOf } from "./internal/response/retryAfter.js"

export type { ApiError } from "./Errors.js"

/**
 * Tags of errors that a later call may not have, for `Effect.catchTag(...ApiError.transient, handler)`.
 *
 * A `TransportError` or `Unavailable` can be permanent all the same, see {@link isTransient}. The effect must be able to fail
 * with all of these tags. For a client with fewer errors, use `Effect.catchIf(ApiError.isTransient, handler)`.
 *
 * @since 0.1.0
 * @category groups
 */
export const transient: readonly [
  "RateLimited",
  "Unavailable",
  "TransportError",
  "Timeout",
  "CircuitOpen",
  "Overloaded"
] = ["RateLimited", "Unavailable", "TransportError", "Timeout", "CircuitOpen", "Overloaded"]

/**
 * Tags of errors that need a new sign-in or more access, for `Effect.catchTag(...ApiError.credentials, handler)`.
 *
 * @since 0.1.0
 * @category groups
 */
export const credentials: readonly ["Unauthorized", "Forbidden"] = ["Unauthorized", "Forbidden"]

/**
 * Tags of errors with an error status, for `Effect.catchTag(...ApiError.refused, handler)`.
 *
 * They have `status`, `serverMessage` and `body`. A `RateLimited` with another `source` than `"server"` has the status
 * of another request.
 *
 * @since 0.1.0
 * @category groups
 */
export const refused: readonly ["Unauthorized", "Forbidden", "RateLimited", "Unavailable", "ClientError"] = [
  "Unauthorized",
  "Forbidden",
  "RateLimited",
  "Unavailable",
  "ClientError"
]

const classes = [
  ...[BodyTooLarge, CircuitOpen, ClientError, Forbidden, InvalidRequest, InvalidResponse, Overloaded, RateLimited],
  ...[RedirectRejected, Timeout, TransportError, Unauthorized, Unavailable]
]

/**
 * Whether a value is an error of a call. It is false for errors of authentication schemes, and for errors of other
 * libraries with the same tag.
 *
 * @since 0.1.0
 * @category refinements
 */
export const is = (error: unknown): error is ApiError | InvalidResponse =>
  classes.some((errorClass) => error instanceof errorClass)

/** SDKs have two or three levels of errors. The limit ends a circle. */
const maxCauses = 10

/**
 * Finds the error of a call in an error of another library: the value itself, or the first error of a call among its causes.
 *
 * An SDK that uses the `httpClient` of an API fails with its own errors. `None` if the server answered and the SDK rejected
 * the response.
 *
 * @example
 * import * as ApiError from "@countersign/client/ApiError"
 * import type * as HttpClientError from "@effect/platform/HttpClientError"
 * import * as Option from "effect/Option"
 *
 * const retryAt = (error: HttpClientError.HttpClientError) => Option.flatMap(ApiError.find(error), ApiError.retryAt)
 *
 * @since 0.1.0
 * @category getters
 */
export const find = (error: unknown): Option.Option<ApiError | InvalidResponse> => {
  let current = error
  for (let level = 0; level < maxCauses; level++) {
    if (is(current)) return Option.some(current)
    if (typeof current !== "object" || current === null || !("cause" in current)) break
    current = current.cause
  }
  return Option.none()
}

/** 501 and 505: the server does not support the request. 511: the network requires a sign-in. */
const permanentStatuses: ReadonlySet<number> = new Set([501, 505, 511])

const isTransientProxyStatus = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || (status >= 500 && !permanentStatuses.has(status))

/**
 * Whether a later call may succeed without any change. It does not say that another call is safe: see {@link isRetryable}.
 *
 * - `x-should-retry` of the response decides, if it is there.
 * - `RateLimited`, `Timeout`, `CircuitOpen`, `Overloaded` are transient.
 * - `Unavailable` is transient, except with the statuses 501, 505 and 511.
 * - `TransportError` is transient if `Retry.policy` retries its reason.
 * - All other values are not.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isTransient = (error: unknown): boolean => {
  const response = is(error) ? responseOfError.get(error) : undefined
  const hint = response === undefined || response.status < 400 ? undefined : shouldRetryOf(response)
  if (hint !== undefined) return hint
  if (error instanceof TransportError) return isTransientFailure(error, isTransientProxyStatus)
  if (error instanceof Unavailable) return !permanentStatuses.has(error.status)
  return [RateLimited, Timeout, CircuitOpen, Overloaded].some((errorClass) => error instanceof errorClass)
}

/** Statuses with which a server rejects a request before it acts. 425 is "Too Early" (RFC 8470 §5.2). */
const unprocessedStatuses: ReadonlySet<number> = new Set([403, 413, 425, 429])

/**
 * Whether the server may have acted on the request, although the call failed. Another call could then act twice.
 *
 * | error | the server may have acted |
 * |---|---|
 * | `TransportError` | with `sent: "maybe"` |
 * | `Timeout`, `BodyTooLarge`, `InvalidResponse`, `RedirectRejected` | yes |
 * | `Unavailable` | yes, except with status 425 |
 * | `RateLimited` | no; yes if its `source` is `"server"` and its status is not 403, 413, 425 or 429 |
 * | `Unauthorized`, `Forbidden`, `ClientError` | no |
 * | `CircuitOpen`, `Overloaded`, `InvalidRequest` | no |
 * | any other value | yes, because this module does not know it |
 *
 * It speaks of the last request. A request that may be repeated can have earlier attempts, and a call that followed a redirect
 * has earlier hops.
 *
 * @since 0.1.0
 * @category predicates
 */
export const mayHaveActed = (error: unknown): boolean => {
  if (!is(error)) return true
  switch (error._tag) {
    case "TransportError":
      return error.sent === "maybe"
    case "RateLimited":
      return error.source === "server" && !unprocessedStatuses.has(error.status)
    case "Unavailable":
      return !unprocessedStatuses.has(error.status)
    case "Timeout":
    case "BodyTooLarge":
    case "InvalidResponse":
    case "RedirectRejected":
      return true
    case "Unauthorized":
    case "Forbidden":
    case "ClientError":
    case "CircuitOpen":
    case "Overloaded":
    case "InvalidRequest":
      return false
  }
}

/**
 * Whether to call again: the error is transient, and a second request does no harm.
 *
 * The call has already made its own retries. Wait until {@link retryAt}, or for a while.
 *
 * @param options - `idempotent`: whether the request may be repeated, by its method or by an idempotency key.
 * @since 0.1.0
 * @category predicates
 */
export const isRetryable = (error: unknown, options: { readonly idempotent: boolean }): boolean =>
  isTransient(error) && (options.idempotent || !mayHaveActed(error))

/**
 * When the server, or this client, accepts the next request. `None` for an error without a time.
 *
 * @since 0.1.0
 * @category getters
 */
export const retryAt = (error: unknown): Option.Option<DateTime.Utc> =>
  error instanceof RateLimited || error instanceof Unavailable || error instanceof CircuitOpen
    ? Option.fromNullable(error.retryAt)
    : Option.none()
