/**
 * Errors of a call, one type for each decision that the caller can make.
 *
 * No error holds the request, and none prints a credential of the request. URLs are shown without
 * user information, and with the query values that the client option `showQuery` names only.
 * Text of the server is made safe to print. `response` returns the last response and `body` its parsed JSON. No printer shows
 * them.
 *
 * @since 0.1.0
 */
import type { RedirectRejected } from "./internal/errors/responseErrors.js"
import type { ClientError, Forbidden, RateLimited, Unauthorized, Unavailable } from "./internal/errors/statusErrors.js"
import type { BodyTooLarge, Timeout, TransportError } from "./internal/errors/transportErrors.js"
import type { CircuitOpen, InvalidRequest, Overloaded } from "./internal/errors/unsentErrors.js"

export type { ExchangeInfo, RetryHint, ServerWords } from "./internal/errors/errorFields.js"
export type { RedirectReason } from "./internal/errors/responseErrors.js"
export { InvalidResponse, RedirectRejected } from "./internal/errors/responseErrors.js"
export { SchemeDowngraded } from "./internal/errors/schemeErrors.js"
export type { RateLimitSource } from "./internal/errors/statusErrors.js"
export { ClientError, Forbidden, RateLimited, Unauthorized, Unavailable } from "./internal/errors/statusErrors.js"
export type { TransportProxy, TransportReason } from "./internal/errors/transportErrors.js"
export { BodyTooLarge, Timeout, TransportError } from "./internal/errors/transportErrors.js"
export { CircuitOpen, InvalidRequest, Overloaded } from "./internal/errors/unsentErrors.js"

/**
 * Errors of sending a request, before its status is considered.
 *
 * @since 0.1.0
 * @category errors
 */
export type SendError = TransportError | Timeout | BodyTooLarge | InvalidRequest | RedirectRejected

/**
 * The errors of a call of a client without circuit breaker and concurrency limit.
 *
 * @since 0.1.0
 * @category errors
 */
export type CallError = Unauthorized | Forbidden | RateLimited | Unavailable | ClientError | SendError

/**
 * The errors of a call of an `ApiClient`. Verbs with a `schema` add {@link InvalidResponse}, and authentication schemes
 * add their own errors, such as `TokenError`.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none })
 *   return yield* api.get("/orders/42")
 * }).pipe(
 *   Effect.catchTags({
 *     Unauthorized: (error) => Console.log("Sign in again.", error.message),
 *     RateLimited: (error) => Console.log("Try again at", error.retryAt)
 *   })
 * )
 *
 * @since 0.1.0
 * @category errors
 */
export type ApiError = CallError | CircuitOpen | Overloaded
