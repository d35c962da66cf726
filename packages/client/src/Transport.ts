/**
 * The inner edge of the pipeline: what goes to any transport is checked, and what comes back from one is typed.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { BodyTooLarge, InvalidRequest, TransportError } from "./Errors.js"
import * as body from "./internal/body.js"
import { classify } from "./internal/classify.js"
import { fromExecute } from "./internal/client.js"
import { headerProblem } from "./internal/headers.js"
import { Streaming } from "./internal/response.js"
import * as WholeBody from "./internal/wholeBody.js"
import * as Timeline from "./Timeline.js"

const transportError = (request: HttpClientRequest, cause: unknown, begun: boolean): TransportError => {
  const { code, reason, sent } = classify(cause)
  // Once an answer has begun, the same codes tell of its body: the request was sent, and the answer is not whole.
  const cut = begun && (reason === "ConnectionReset" || reason === "Unknown")
  return new TransportError({
    method: request.method,
    url: Redact.url(request.url),
    reason: cut ? "Truncated" : reason,
    sent: begun ? "maybe" : sent,
    code
  })
}

const sendError = (error: HttpClientError.HttpClientError): TransportError | InvalidRequest => {
  if (error._tag === "ResponseError") return transportError(error.request, error, true)
  switch (error.reason) {
    case "Transport":
      return transportError(error.request, error, false)
    case "InvalidUrl":
      return new InvalidRequest({ reason: "Url", detail: `"${Redact.url(error.request.url)}" is no URL` })
    case "Encode":
      return new InvalidRequest({ reason: "Body", detail: "its body does not encode" })
  }
}

const check = (request: HttpClientRequest): InvalidRequest | undefined => {
  const problem = headerProblem(request.headers)
  if (problem !== undefined) return new InvalidRequest({ reason: "Header", detail: problem })
  if (request.url.startsWith("https://") || request.url.startsWith("http://")) return undefined
  return new InvalidRequest({
    reason: "Url",
    detail: `"${Redact.url(request.url)}" is neither http:// nor https://: give the client a base URL`
  })
}

/**
 * The property by which a response says that its body came with it: its value is the bytes, or undefined for a body
 * that is on its way or came broken. Such a response holds no connection, and is read without waiting.
 *
 * @since 0.1.0
 * @category transports
 */
export const wholeBody: typeof WholeBody.wholeBody = WholeBody.wholeBody

const spanless = new WeakSet<object>()

/**
 * Declares that a transport makes no span of its own, so that none has to be turned off for each request.
 *
 * @since 0.1.0
 * @category transports
 */
export const withoutSpans = <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> => {
  spanless.add(client)
  return client
}

/**
 * Types a transport. A request whose header names or values could break the framing, or whose URL is not absolute
 * http or https, is `InvalidRequest` and never sent; everything that goes wrong on the wire is `TransportError`, told
 * apart by code. The platform's own span is off: it records URLs with their query values and most headers.
 *
 * The responses that come out print their method, URL and status, and hold no signed request.
 *
 * @param client - a transport that follows no redirects.
 * @since 0.1.0
 * @category constructors
 */
export const typed = <R>(
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>
): HttpClient.HttpClient.With<TransportError | InvalidRequest, R> => {
  const quiet = spanless.has(client) ? client : HttpClient.withTracerDisabledWhen(client, () => true)
  return fromExecute((request) => {
    const invalid = check(request)
    if (invalid !== undefined) return Effect.fail(invalid)
    return Timeline.ifObserved(
      () => sendObserved(request, quiet),
      () => send(request, quiet)
    )
  })
}

type Send = <R>(
  request: HttpClientRequest,
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>
) => Effect.Effect<HttpClientResponse, TransportError | InvalidRequest, R>

const toStreaming = (response: HttpClientResponse): HttpClientResponse => new Streaming(response)

const send: Send = (request, client) =>
  Effect.mapBoth(client.execute(request), { onFailure: sendError, onSuccess: toStreaming })

const sendObserved: Send = (request, client) => {
  const { method } = request
  return Timeline.emit(() => ({ _tag: "Sent", method, url: Redact.url(request.url) })).pipe(
    Effect.zipRight(send(request, client)),
    Effect.tapBoth({
      onFailure: ({ reason }) => Timeline.emit(() => ({ _tag: "Failed", reason })),
      onSuccess: ({ status }) => Timeline.emit(() => ({ _tag: "Answered", status }))
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
export const buffered =
  (limit: number, wanted: (response: HttpClientResponse) => boolean = isOk) =>
  <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E | TransportError | BodyTooLarge, R> =>
    fromExecute<E | TransportError | BodyTooLarge, R>((request) =>
      Effect.flatMap(client.execute(request), (response) =>
        wanted(response) ? readWhole(request, response, limit) : Effect.succeed(response)
      )
    )

const readWhole = (
  request: HttpClientRequest,
  response: HttpClientResponse,
  limit: number
): Effect.Effect<HttpClientResponse, TransportError | BodyTooLarge> =>
  Effect.matchEffect(body.read(response, limit), {
    onFailure: (cause) => {
      const error = transportError(request, cause, true)
      return Effect.zipRight(
        Timeline.emit(() => ({ _tag: "Failed", reason: error.reason })),
        Effect.fail(error)
      )
    },
    onSuccess: (read) =>
      Option.isSome(read)
        ? Effect.succeed<HttpClientResponse>(read.value)
        : Effect.fail(new BodyTooLarge({ method: request.method, url: Redact.url(request.url), limit }))
  })
