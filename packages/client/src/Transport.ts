/**
 * The inner edge of the pipeline: what goes to any transport is checked, and what comes back from one is typed.
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
import { failureOf } from "./internal/errors/failureDetails.js"
import { meaning } from "./internal/errors/platformError.js"
import { classify } from "./internal/errors/transportReason.js"
import type { Direct as DirectOf } from "./internal/exchange/callbackTransport.js"
import * as direct from "./internal/exchange/callbackTransport.js"
import { withManualRedirects } from "./internal/exchange/manualRedirects.js"
import { shownUrl } from "./internal/redaction/requestHistory.js"
import { outgoing } from "./internal/request/transportRequest.js"
import * as WholeBody from "./internal/response/bufferedBody.js"
import { wholeBodyOf } from "./internal/response/bufferedBody.js"
import { Buffered, Streaming } from "./internal/response/clientResponse.js"
import * as FieldValues from "./internal/response/fieldValues.js"
import * as body from "./internal/response/readBody.js"
import * as SetCookies from "./internal/response/setCookieHeaders.js"
import * as Timeline from "./Timeline.js"

const transportError = (
  request: HttpClientRequest,
  error: HttpClientError.HttpClientError,
  begun: boolean
): TransportError => {
  const { cause, details } = failureOf(error)
  const { code, detail, reason, sent } = classify(cause, begun)
  return new TransportError({
    method: request.method,
    url: shownUrl(request),
    reason: details?.reason ?? reason,
    sent: begun ? "maybe" : details === undefined ? sent : details.phase === "written" ? "maybe" : "no",
    code: details?.code ?? code,
    detail: details?.detail ?? detail,
    proxy: details?.proxy,
    cause
  })
}

type TypedError = TransportError | InvalidRequest | RedirectRejected

const sendError = (error: HttpClientError.HttpClientError): TypedError => meaning.get(error) ?? typedError(error)

const typedError = (error: HttpClientError.HttpClientError): TransportError | InvalidRequest => {
  if (error._tag === "ResponseError") return transportError(error.request, error, true)
  switch (error.reason) {
    case "Transport":
      return transportError(error.request, error, false)
    case "InvalidUrl":
      return new InvalidRequest({ reason: "Url", detail: `"${shownUrl(error.request)}" is no URL` })
    case "Encode":
      return new InvalidRequest({ reason: "Body", detail: "its body does not encode" })
  }
}

/**
 * The property by which a response says that its body came with it: its value is the bytes, or undefined for a body
 * that is on its way or came broken. Such a response holds no connection, and is read without waiting.
 *
 * @since 0.1.0
 * @category transports
 */
export const bufferedBody: typeof WholeBody.wholeBody = WholeBody.wholeBody

/**
 * The property by which a response gives its `Set-Cookie` fields as they came, a string each. Of a transport without it a
 * jar sees what the platform keeps: of two cookies of one name the last, whatever their paths and domains.
 *
 * @since 0.1.0
 * @category transports
 */
export const rawSetCookie: typeof SetCookies.setCookieLines = SetCookies.setCookieLines

/**
 * The property by which a response gives the values of a field apart: a method from the name in lower case to the values in
 * their order. `headers` joins several values with commas, as RFC 9110 §5.3 allows for lists alone. It is asked where a field
 * has one value and more would be a danger: for the `Location` of a redirect. Of a transport without it, a joined value counts
 * as one, unless its parts are equal.
 *
 * @since 0.1.0
 * @category transports
 */
export const fieldValues: typeof FieldValues.fieldValues = FieldValues.fieldValues

/**
 * The largest body that the verbs of a client read, in bytes, after inflation.
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
 * What a transport knows of a failed request: the phase, and where known the reason, the code, the words of the library,
 * and the proxy. `detail` must hold no secret.
 *
 * @since 0.1.0
 * @category transports
 */
export type FailureDetails = Failure.FailureDetails

/**
 * States how far a failed request had come, and why it failed. `TransportError.sent` follows from `phase`: only for
 * `"written"` it is `"maybe"`. For errors of a transport that does not call this, {@link fromHttpClient} looks at the codes of the
 * causes, and `sent` is `"no"` only for those that are raised before a connection is established.
 *
 * @param error - the platform's error, as the transport fails with it.
 * @param details - what the transport knows of the failure.
 * @since 0.1.0
 * @category transports
 */
export const describeFailure: <E extends HttpClientError.HttpClientError>(error: E, details: FailureDetails) => E =
  Failure.describe

const spanless = new WeakSet<object>()

/**
 * Declares that a transport makes no span of its own, so that none has to be turned off for each request.
 *
 * @since 0.1.0
 * @category transports
 */
export const markUntraced = <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> => {
  spanless.add(client)
  return client
}

/**
 * How a transport can be asked without an effect, by the bound of an exchange: it sends the request and says once, later
 * or at once, what came of it, with an `Exit` or with what is still to be run. It gives what cancels the exchange, after
 * which it says nothing; or undefined, and sends nothing, where a request takes an effect to send, as a streamed body does.
 *
 * @since 0.1.0
 * @category transports
 */
export type Direct<E> = DirectOf<E>

/**
 * Gives a transport a way to be asked without an effect, beside its `execute`, which is to do the same.
 *
 * @since 0.1.0
 * @category transports
 */
export const withDirect: <C extends HttpClient.HttpClient>(
  client: C,
  send: Direct<HttpClientError.HttpClientError>
) => C = direct.withDirect

/**
 * Types a transport. A request whose header names or values could break the framing, or whose URL is not absolute
 * http or https, is `InvalidRequest` and never sent; everything that goes wrong on the wire is `TransportError`, told
 * apart by code. The platform's own span is off: it records URLs with their query values and most headers.
 *
 * The responses that come out print their method, URL and status, and hold no signed request.
 *
 * Over the platform's `fetch` each request is sent with `redirect: "manual"`, whatever `FetchHttpClient.RequestInit` says;
 * its other options stay. Browsers hide the target of such a redirect: there it is `RedirectRejected` with the reason
 * `Opaque`. Redirects of other transports cannot be turned off from here: the platform's XMLHttpRequest layer, and a
 * transport that provides a `RequestInit` of its own within `HttpClient.transform`, send headers wherever a redirect leads.
 *
 * Specification: [Fetch §2.2.5, redirect mode](https://fetch.spec.whatwg.org/#concept-request-redirect-mode).
 *
 * @param client - a transport that follows no redirects, or the platform's over `fetch`.
 * @since 0.1.0
 * @category constructors
 */
export const fromHttpClient = <R>(
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>
): HttpClient.HttpClient.With<TransportError | InvalidRequest | RedirectRejected, R> => {
  const bare = prepared(client)
  const execute = (request: HttpClientRequest) => {
    const sent = outgoing(request)
    if (sent instanceof InvalidRequest) return Effect.fail(sent)
    return Timeline.ifObserved(
      () => sendObserved(sent, bare),
      () => send(sent, bare)
    )
  }
  return direct.withDirect(fromExecute(execute), typedDirect(direct.directOf(client)))
}

/** A transport without what the pipeline does itself: spans and redirects. */
const prepared = <R>(
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>
): HttpClient.HttpClient.With<HttpClientError.HttpClientError, R> => {
  const quiet = spanless.has(client) ? client : HttpClient.withTracerDisabledWhen(client, () => true)
  // One that is asked without an effect has no fiber from which it could read the options of `fetch`.
  return direct.directOf(client) === undefined ? withManualRedirects(quiet) : quiet
}

const typedDirect = (inner: Direct<HttpClientError.HttpClientError> | undefined): Direct<TypedError> | undefined =>
  inner &&
  ((request, answered) => {
    const sent = outgoing(request)
    if (!(sent instanceof InvalidRequest)) return inner(sent, (outcome) => answered(typedOutcome(outcome)))
    answered(Exit.fail(sent))
    return toNobody
  })

/** What cancels something that is over. */
const toNobody = (): void => undefined

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

const toStreaming = (response: HttpClientResponse): HttpClientResponse => new Streaming(response)

const send: Send = (request, client) =>
  Effect.mapBoth(client.execute(request), { onFailure: sendError, onSuccess: toStreaming })

const sendObserved: Send = (request, client) => {
  const { method } = request
  return Timeline.emit(() => ({ _tag: "RequestSent", method, url: shownUrl(request) })).pipe(
    Effect.zipRight(send(request, client)),
    Effect.tapBoth({
      onFailure: ({ reason }) => Timeline.emit(() => ({ _tag: "RequestFailed", reason })),
      onSuccess: ({ status }) => Timeline.emit(() => ({ _tag: "ResponseReceived", status }))
    })
  )
}

const isOk = ({ status }: HttpClientResponse): boolean => status >= 200 && status < 300

/**
 * Reads the body of every answer of status 2xx, or of those that `wanted` names, while the exchange lasts, so that a
 * body which breaks off is a failure of the exchange (and is retried as one), and the connection is free when the
 * answer is given out.
 *
 * Fails with `BodyTooLarge` when the body, as it is after inflation, is longer than `limit` bytes; the rest of it is
 * not read.
 *
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
        return wanted(response) ? readWhole(request, response, limit) : Exit.succeed(response)
      } catch (defect) {
        // A transport that is asked directly calls this, and is not to hear what `wanted` throws.
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

const readWhole = (
  request: HttpClientRequest,
  response: HttpClientResponse,
  limit: number
): Effect.Effect<HttpClientResponse, TransportError | BodyTooLarge> => {
  const tooLarge = () => Exit.fail(new BodyTooLarge({ method: request.method, url: shownUrl(request), limit }))
  const here = wholeBodyOf(response)
  if (here !== undefined) return here.length <= limit ? Exit.succeed(new Buffered(response, here)) : tooLarge()
  return Effect.matchEffect(body.read(response, limit), {
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
