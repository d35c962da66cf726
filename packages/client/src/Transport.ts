/**
 * Transport adapter: validates requests before any platform `HttpClient` sends them, and turns its failures into typed
 * errors.
 *
 * The file exceeds 300 lines: a third of it documents the functions for authors of transports.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { RedirectRejected } from "./Errors.js"
import { BodyTooLarge, InvalidRequest, TransportError } from "./Errors.js"
import { fromExecute } from "./internal/call/httpClient.js"
import * as Failure from "./internal/errors/failureDetails.js"
import { recordedFailureOf } from "./internal/errors/failureDetails.js"
import { clientErrorOf } from "./internal/errors/platformError.js"
import { classify } from "./internal/errors/transportReason.js"
import type { Direct as DirectOf } from "./internal/exchange/callbackTransport.js"
import * as direct from "./internal/exchange/callbackTransport.js"
import { withManualRedirects } from "./internal/exchange/manualRedirects.js"
import { redactedUrl } from "./internal/redaction/requestHistory.js"
import { toTransportRequest } from "./internal/request/transportRequest.js"
import * as BufferedBody from "./internal/response/bufferedBody.js"
import { bufferedBodyOf } from "./internal/response/bufferedBody.js"
import { BufferedResponse, StreamingResponse } from "./internal/response/clientResponse.js"
import * as FieldValues from "./internal/response/fieldValues.js"
import * as body from "./internal/response/readBody.js"
import * as SetCookies from "./internal/response/setCookieHeaders.js"
import * as Timeline from "./Timeline.js"

const transportError = (
  request: HttpClientRequest,
  error: HttpClientError.HttpClientError,
  hasResponse: boolean
): TransportError => {
  const { cause, details } = recordedFailureOf(error)
  const { code, detail, reason, sent } = classify(cause, hasResponse)
  return new TransportError({
    method: request.method,
    url: redactedUrl(request),
    reason: details?.reason ?? reason,
    sent: hasResponse ? "maybe" : details === undefined ? sent : details.phase === "written" ? "maybe" : "no",
    code: details?.code ?? code,
    detail: details?.detail ?? detail,
    proxy: details?.proxy,
    cause
  })
}

type TypedError = TransportError | InvalidRequest | RedirectRejected

const sendError = (error: HttpClientError.HttpClientError): TypedError => clientErrorOf.get(error) ?? typedError(error)

const typedError = (error: HttpClientError.HttpClientError): TransportError | InvalidRequest => {
  if (error._tag === "ResponseError") return transportError(error.request, error, true)
  switch (error.reason) {
    case "Transport":
      return transportError(error.request, error, false)
    case "InvalidUrl":
      return new InvalidRequest({ reason: "Url", detail: `"${redactedUrl(error.request)}" is no URL` })
    case "Encode":
      return new InvalidRequest({ reason: "Body", detail: "the body cannot be encoded" })
  }
}

/**
 * Symbol of the property with which a transport marks a response that was received together with its body.
 *
 * The value is the bytes, or undefined if the body is still arriving or broke off. A response with bytes holds no
 * connection, and is read without waiting.
 *
 * @since 0.1.0
 * @category transports
 */
export const bufferedBody: typeof BufferedBody.bufferedBody = BufferedBody.bufferedBody

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

const untracedClients = new WeakSet<object>()

/**
 * Marks a transport that makes no spans itself, so that tracing need not be disabled for each request.
 *
 * @since 0.1.0
 * @category transports
 */
export const markUntraced = <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> => {
  untracedClients.add(client)
  return client
}

/**
 * Callback form of a transport, which `Timeout.exchange` uses to avoid the cost of an effect per request.
 *
 * It sends the request and calls `answered` exactly once, synchronously or later, with an `Exit` or with an effect that is
 * still to be run. It returns a function that cancels the request, after which `answered` is not called. It returns
 * undefined, and sends nothing, for a request that needs an effect, such as one with a streamed body.
 *
 * @since 0.1.0
 * @category transports
 */
export type Direct<E> = DirectOf<E>

/**
 * Adds the callback form to a transport. It must behave like the transport's `execute`.
 *
 * @param send - sends a request and calls back with its result. See {@link Direct}.
 * @since 0.1.0
 * @category transports
 */
export const withDirect: <C extends HttpClient.HttpClient>(
  client: C,
  send: Direct<HttpClientError.HttpClientError>
) => C = direct.withDirect

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
): HttpClient.HttpClient.With<TransportError | InvalidRequest | RedirectRejected, R> => {
  const transport = prepareTransport(client)
  const execute = (request: HttpClientRequest) => {
    const sent = toTransportRequest(request)
    if (sent instanceof InvalidRequest) return Effect.fail(sent)
    return Timeline.ifObserved(
      () => sendObserved(sent, transport),
      () => send(sent, transport)
    )
  }
  return direct.withDirect(fromExecute(execute), typedDirect(direct.directOf(client)))
}

/** Disables the transport's own spans and redirects, which the pipeline handles. */
const prepareTransport = <R>(
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>
): HttpClient.HttpClient.With<HttpClientError.HttpClientError, R> => {
  const untraced = untracedClients.has(client) ? client : HttpClient.withTracerDisabledWhen(client, () => true)
  // The callback form has no fiber from which it could read the options of `fetch`.
  return direct.directOf(client) === undefined ? withManualRedirects(untraced) : untraced
}

const typedDirect = (inner: Direct<HttpClientError.HttpClientError> | undefined): Direct<TypedError> | undefined =>
  inner &&
  ((request, answered) => {
    const sent = toTransportRequest(request)
    if (!(sent instanceof InvalidRequest)) return inner(sent, (outcome) => answered(typedOutcome(outcome)))
    answered(Exit.fail(sent))
    return noop
  })

/** Cancels a request that is over: does nothing. */
const noop = (): void => undefined

const typedOutcome = (
  outcome: Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError>
): Effect.Effect<HttpClientResponse, TypedError> =>
  direct.isOver(outcome)
    ? Exit.mapBoth(outcome, { onFailure: sendError, onSuccess: toStreaming })
    : Effect.mapBoth(outcome, { onFailure: sendError, onSuccess: toStreaming })

type Send = <R>(
  request: HttpClientRequest,
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>
) => Effect.Effect<HttpClientResponse, TypedError, R>

const toStreaming = (response: HttpClientResponse): HttpClientResponse => new StreamingResponse(response)

const send: Send = (request, client) =>
  Effect.mapBoth(client.execute(request), { onFailure: sendError, onSuccess: toStreaming })

const sendObserved: Send = (request, client) => {
  const { method } = request
  return Timeline.emit(() => ({ _tag: "RequestSent", method, url: redactedUrl(request) })).pipe(
    Effect.zipRight(send(request, client)),
    Effect.tapBoth({
      onFailure: ({ reason }) => Timeline.emit(() => ({ _tag: "RequestFailed", reason })),
      onSuccess: ({ status }) => Timeline.emit(() => ({ _tag: "ResponseReceived", status }))
    })
  )
}

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
 * @category constructors
 */
export const bufferBodies =
  (limit: number, wanted: (response: HttpClientResponse) => boolean = isOk) =>
  <E, R>(
    client: HttpClient.HttpClient.With<E, R>
  ): HttpClient.HttpClient.With<E | TransportError | BodyTooLarge, R> => {
    const read = (request: HttpClientRequest, response: HttpClientResponse) => {
      try {
        return wanted(response) ? readBuffered(request, response, limit) : Exit.succeed(response)
      } catch (defect) {
        // The callback form calls this outside of any fiber, so an exception of `wanted` must not be thrown to it.
        return Exit.die(defect)
      }
    }
    const execute = (request: HttpClientRequest) =>
      Effect.flatMap(client.execute(request), (response) => read(request, response))
    const inner = direct.directOf(client)
    const send: Direct<E | TransportError | BodyTooLarge> | undefined =
      inner &&
      ((request, answered) =>
        inner(request, (outcome) =>
          answered(
            direct.isOver(outcome) && Exit.isSuccess(outcome)
              ? read(request, outcome.value)
              : Effect.flatMap(outcome, (response) => read(request, response))
          )
        ))
    return direct.withDirect(fromExecute<E | TransportError | BodyTooLarge, R>(execute), send)
  }

const readBuffered = (
  request: HttpClientRequest,
  response: HttpClientResponse,
  limit: number
): Effect.Effect<HttpClientResponse, TransportError | BodyTooLarge> => {
  const tooLarge = () => Exit.fail(new BodyTooLarge({ method: request.method, url: redactedUrl(request), limit }))
  const available = bufferedBodyOf(response)
  if (available !== undefined)
    return available.length <= limit ? Exit.succeed(new BufferedResponse(response, available)) : tooLarge()
  return Effect.matchEffect(body.readBounded(response, limit), {
    onFailure: (cause) => {
      const error = transportError(request, cause, true)
      return Effect.zipRight(
        Timeline.emit(() => ({ _tag: "RequestFailed", reason: error.reason })),
        Effect.fail(error)
      )
    },
    onSuccess: (read) => (Option.isSome(read) ? Effect.succeed<HttpClientResponse>(read.value) : tooLarge())
  })
}
