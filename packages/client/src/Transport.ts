/**
 * Transport adapter: validates requests before any platform `HttpClient` sends them, and turns its failures into typed
 * errors.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { BodyTooLarge, InvalidRequest, RedirectRejected, TransportError } from "./Errors.js"
import { runExternal } from "./internal/call/externalCode.js"
import { makePolicy } from "./internal/call/pipeline.js"
import * as Failure from "./internal/errors/failureDetails.js"
import type { BodyReading } from "./internal/exchange/exchange.js"
import { makeExchange, readBody } from "./internal/exchange/exchange.js"
import * as context from "./internal/call/context.js"
import * as callbackSend from "./internal/exchange/callbackSend.js"
import * as Readers from "./internal/response/bodyReader.js"
import * as FieldValues from "./internal/response/fieldValues.js"
import * as SetCookies from "./internal/response/fieldValues.js"
import * as PlatformFailure from "./internal/runtime/transportFailure.js"
import type * as Policy from "./Policy.js"

/**
 * Symbol of the property with which a transport marks a response that was received together with its body.
 *
 * The value is the bytes, or undefined if the body is still arriving or broke off. A response with bytes holds no
 * connection, and is read without waiting.
 *
 * @since 0.1.0
 * @category transports
 */
export const bufferedBody: typeof Readers.bufferedBody = Readers.bufferedBody

/**
 * Reads a body one piece after another, below the platform's `Stream`.
 *
 * @since 0.1.0
 * @category transports
 */
export type BodyReader = Readers.BodyReader

/**
 * Symbol of the method with which a transport returns a {@link BodyReader} of a response.
 *
 * Without it the client reads the `stream` of the response, which takes several times as long for a small body. A body can be
 * read once: `stream` and the reader share it.
 *
 * @since 0.1.0
 * @category transports
 */
export const bodyReader: typeof Readers.bodyReader = Readers.bodyReader

/**
 * Symbol of the property with which a transport exposes the `Set-Cookie` fields of a response, one string each.
 *
 * Without it the cookie jar reads the platform's cookies, which keep only the last of two cookies with the same name.
 *
 * @since 0.1.0
 * @category transports
 */
export const rawSetCookie: typeof SetCookies.rawSetCookie = SetCookies.rawSetCookie

/**
 * Symbol of the method with which a transport exposes the values of a response field separately, in their order.
 *
 * Its argument is the field name in lower case. `headers` joins several values with commas, which RFC 9110 §5.3 allows for
 * lists only. It is used where several values would be a risk: for the `Location` of a redirect. Without it a joined value
 * counts as one, unless its parts are equal.
 *
 * @since 0.1.0
 * @category transports
 */
export const fieldValues: typeof FieldValues.fieldValues = FieldValues.fieldValues

/**
 * Default maximum size of a response body that the verbs read, in bytes after decompression.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { maxBodySize: 10 * 1024 * 1024 } as const

/**
 * How far a request had come when it failed.
 *
 * - `connecting`: no connection was established.
 * - `connected`: a connection was established, and nothing of the request was written.
 * - `written`: some of the request may have been written, so the server may have acted on it.
 * - `unprocessed`: it was written, and the server said that it did not process it
 *   ([RFC 9113 §8.7](https://www.rfc-editor.org/rfc/rfc9113#section-8.7)).
 *
 * @since 0.1.0
 * @category transports
 */
export type SendPhase = Failure.SendPhase

/**
 * What a transport knows about a failed request: the phase, and where known reason, code, `detail` and proxy.
 *
 * `detail` is the message of the transport library. It must not contain a secret.
 *
 * @since 0.1.0
 * @category transports
 */
export type FailureDetails = Failure.FailureDetails

/**
 * A failed request without a response, for {@link makeRequestError}.
 *
 * `reason` is `Transport` if the request could not be transferred, `InvalidUrl` or `Encode` if its URL or body is wrong.
 *
 * @since 0.1.0
 * @category transports
 */
export type RequestFailure = PlatformFailure.RequestFailure

/**
 * A response that cannot be used, for {@link makeResponseError}.
 *
 * `reason` is `Decode` if its body cannot be received or decoded, `EmptyBody` if it has none, and `StatusCode` for its status.
 *
 * @since 0.1.0
 * @category transports
 */
export type ResponseFailure = PlatformFailure.ResponseFailure

/**
 * Makes the platform's error of a request without a response. A transport fails with it.
 *
 * @example
 * import * as Transport from "@countersign/client/Transport"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 *
 * const offline = HttpClient.make((request) =>
 *   Effect.fail(
 *     Transport.describeFailure(
 *       Transport.makeRequestError({ request, reason: "Transport", description: "the modem is off" }),
 *       { phase: "connecting", code: "EOFFLINE" }
 *     )
 *   )
 * )
 *
 * @param failure - the request, the reason, and where known a cause and a description.
 * @since 0.1.0
 * @category transports
 */
export const makeRequestError: (failure: RequestFailure) => HttpClientError.RequestError =
  PlatformFailure.makeRequestError

/**
 * Makes the platform's error of a response. The body of a response fails with it.
 *
 * @param failure - the request, the response, the reason, and where known a cause and a description.
 * @since 0.1.0
 * @category transports
 */
export const makeResponseError: (failure: ResponseFailure) => HttpClientError.ResponseError =
  PlatformFailure.makeResponseError

/**
 * Attaches details to a transport's error: how far the request had come, and why it failed.
 *
 * `TransportError.sent` is `"maybe"` for the phase `"written"`, and `"no"` for the others. For errors without details,
 * {@link fromHttpClient} looks at the error codes of the causes. `sent` is then `"no"` only for codes that are raised before
 * a connection is established.
 *
 * @param error - the platform's error, with which the transport fails.
 * @param details - what the transport knows of the failure.
 * @since 0.1.0
 * @category transports
 */
export const describeFailure: <E extends HttpClientError.HttpClientError>(error: E, details: FailureDetails) => E =
  Failure.describeFailure

/**
 * Marks a transport that makes no spans itself, so that tracing need not be disabled for each request.
 *
 * @since 0.1.0
 * @category transports
 */
export const markUntraced: <E, R>(client: HttpClient.HttpClient.With<E, R>) => HttpClient.HttpClient.With<E, R> =
  callbackSend.markUntraced

/**
 * Marks a transport that enforces the {@link RequestLimits} of each request, so that `api.open` sets no timers for them.
 *
 * @since 0.1.0
 * @category transports
 */
export const markLimited: <C extends HttpClient.HttpClient>(client: C) => C = callbackSend.markLimited

/**
 * Callback form of a transport: it avoids the cost of an effect per request.
 *
 * It sends the request and calls `onOutcome` exactly once, synchronously or later, with an `Exit` or with an effect that is
 * still to be run. It returns a function that cancels the request, after which `onOutcome` is not called. It returns
 * undefined, and sends nothing, for a request that needs an effect, such as one with a streamed body. Its third argument has
 * the {@link RequestLimits}, if there are some.
 *
 * @since 0.1.0
 * @category transports
 */
export type CallbackSend = callbackSend.CallbackSend

/**
 * Time limits of one request, instead of those of the transport. `api.open` sets them by its option `idle`.
 *
 * @since 0.1.0
 * @category transports
 */
export type RequestLimits = context.RequestLimits

/**
 * The limits of the request that this fiber sends, for a transport without the callback form.
 *
 * A transport that bounds the silence of a body uses `bodyTimeout` instead of its own limit, and may be marked with
 * {@link markLimited}. Another transport may ignore them, because `api.open` bounds the silence itself.
 *
 * @since 0.1.0
 * @category transports
 */
export const requestLimits: Effect.Effect<RequestLimits | undefined> = /* @__PURE__ */ Effect.withFiberRuntime(
  (fiber) => Effect.succeed(context.contextOf(fiber).limits)
)

/**
 * Adds the callback form to a transport. It must behave like the transport's `execute`.
 *
 * @param send - sends a request and calls back with its result. See {@link CallbackSend}.
 * @since 0.1.0
 * @category transports
 */
export const withCallbackSend: <C extends HttpClient.HttpClient>(client: C, send: CallbackSend) => C =
  callbackSend.withCallbackSend

/**
 * Makes a typed transport from a platform `HttpClient`, the innermost step of a pipeline.
 *
 * - A request with an invalid header or URL fails with `InvalidRequest` and is not sent.
 * - Every failure of the connection or the transfer is a `TransportError`, with a reason by its code.
 * - The platform's own span is disabled, because it records query values and most headers.
 * - Responses print method, URL and status only, and hold no signed request.
 *
 * With the platform's `fetch`, each request is sent with `redirect: "manual"`, whatever `FetchHttpClient.RequestInit` says.
 * Its other options apply. Browsers hide the target of such a redirect: it fails with `RedirectRejected`, reason `Opaque`.
 *
 * Redirects of some transports cannot be disabled: the platform's XMLHttpRequest layer, and transports that provide a
 * `RequestInit` inside `HttpClient.transform`. They send headers to the target of any redirect.
 *
 * Specification: [Fetch §2.2.5, redirect mode](https://fetch.spec.whatwg.org/#concept-request-redirect-mode).
 *
 * @param client - a transport that follows no redirects, or the platform's `fetch` client.
 * @since 0.1.0
 * @category constructors
 */
export const fromHttpClient = <R>(
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>
): HttpClient.HttpClient.With<TransportError | InvalidRequest | RedirectRejected, R> =>
  // Without a `BodyReading` no body is too large.
  makeExchange(client) as HttpClient.HttpClient.With<TransportError | InvalidRequest | RedirectRejected, R>

const isOk = ({ status }: HttpClientResponse): boolean => status >= 200 && status < 300

/**
 * Reads response bodies as part of the request, so that a body that breaks off is a failure of the request and is retried.
 *
 * When the response is returned, its connection is free. By default the bodies of 2xx responses are read. Fails with
 * `BodyTooLarge` when the body is larger than `limit` after decompression. The rest of it is not read.
 *
 * @param limit - maximum size of a body, in bytes.
 * @param wanted - which responses to read (status 2xx).
 * @since 0.1.0
 * @category policies
 */
export const bufferBodies = (
  limit: number,
  wanted: (response: HttpClientResponse) => boolean = isOk
): Policy.Policy<TransportError | BodyTooLarge> => {
  const reading: BodyReading = { limit, isWanted: wanted }
  return makePolicy<TransportError | BodyTooLarge>((request, next, context) =>
    Effect.flatMap(next(request, context), (response) => runExternal(readBody(reading, request, response), context))
  )
}
