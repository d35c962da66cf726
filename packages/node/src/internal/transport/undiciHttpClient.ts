import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { CallbackSend, RequestLimits } from "@countersign/client/Transport"
import {
  makeRequestError,
  markLimited,
  markUntraced,
  requestLimits,
  withCallbackSend
} from "@countersign/client/Transport"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type { HeaderFields, RequestDispatcher } from "../dispatcher/requestDispatcher.js"
import { toMilliseconds } from "./agent.js"
import { ConnectionReuse } from "./connectionReuse.js"
import { acceptEncoding } from "./contentDecoding.js"
import type { SharedState, ResponseEffect } from "./dispatchHandler.js"
import { DispatchHandler } from "./dispatchHandler.js"
import type { Body } from "./requestBody.js"
import { makeRequestBody } from "./requestBody.js"
import type { Target } from "./requestUrl.js"
import { makeUrlSplitter } from "./requestUrl.js"

/** Timeouts of the dispatcher, in milliseconds; 0 for none. A request may have another `bodyTimeout`. */
export interface Timeouts {
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

/** The smallest length of a body that is announced with `Expect`, in bytes. Undefined for none. */
type ExpectContinue = number | undefined

/** Whether a request asks before it sends its body. Without a length it is sent in chunks, and is not held. */
const shouldExpect = ({ headers }: HttpClientRequest, smallest: ExpectContinue): boolean => {
  const length = headers["content-length"]
  return smallest !== undefined && length !== undefined && Number(length) >= Math.max(1, smallest)
}

/**
 * Whether the response body is decoded here: unless the caller requested a coding. For `identity`, a coding that the
 * server applies anyway is decoded.
 */
const shouldDecode = (headers: Headers.Headers): boolean => (headers["accept-encoding"] ?? "identity") === "identity"

/**
 * The `accept-encoding` of a request without one. For a range it is `identity`: a range is a part of the encoded bytes
 * (RFC 9110 §14.1.2).
 */
const acceptEncodingFor = (headers: Headers.Headers): string =>
  headers["range"] === undefined ? acceptEncoding : "identity"

const headerFieldsOf = (headers: Headers.Headers): HeaderFields => {
  const fields: HeaderFields = []
  for (const name in headers) fields.push(name, headers[name] ?? "")
  return fields
}

/** What all requests of a transport share. */
interface SendContext {
  readonly dispatcher: RequestDispatcher
  readonly timeouts: Timeouts
  readonly shared: SharedState
  readonly expectContinue: ExpectContinue
}

/** Sends a request. `resume` is called once. Returns a function that cancels the request. */
const dispatch = (
  { dispatcher, expectContinue: smallest, shared, timeouts }: SendContext,
  request: HttpClientRequest,
  { origin, path }: Target,
  body: Body,
  limits: RequestLimits | undefined,
  resume: (response: ResponseEffect) => void
): (() => void) => {
  const { method } = request
  const expectContinue = shouldExpect(request, smallest)
  const handler = new DispatchHandler(shared, request, resume, shouldDecode(request.headers), expectContinue)
  const headers = headerFieldsOf(request.headers)
  if (request.headers["accept-encoding"] === undefined)
    headers.push("accept-encoding", acceptEncodingFor(request.headers))
  const own = limits && { bodyTimeout: toMilliseconds(limits.bodyTimeout) }
  // undici reports an invalid method or header field to the handler.
  shared.connectionReuse.whenIdle(() => {
    if (handler.isCancelled) return
    dispatcher.dispatch(
      { origin, path, method, headers, body: body ?? null, expectContinue, ...timeouts, ...own },
      handler
    )
  })
  return () => handler.cancel()
}

const invalidUrl = (request: HttpClientRequest, cause: unknown) =>
  Exit.fail(makeRequestError({ request, reason: "InvalidUrl", cause }))

/** Makes an `HttpClient` over a dispatcher. It creates no spans. */
export const makeHttpClient = (
  dispatcher: RequestDispatcher,
  timeouts: Timeouts,
  expectContinue?: number
): HttpClient.HttpClient => {
  const splitUrl = makeUrlSplitter()
  const context = {
    dispatcher,
    timeouts,
    expectContinue,
    shared: { connectionReuse: new ConnectionReuse(), headersTimeout: timeouts.headersTimeout }
  }

  const callbackSend: CallbackSend = (request, onResponse, limits) => {
    const target = splitUrl(request)
    if (Either.isRight(target)) {
      const body = makeRequestBody(request.body)
      return Effect.isEffect(body) ? undefined : dispatch(context, request, target.right, body, limits, onResponse)
    }
    onResponse(invalidUrl(request, target.left))
    return () => undefined
  }

  const client = HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request: HttpClientRequest): ResponseEffect => {
      const target = splitUrl(request)
      if (Either.isLeft(target)) return invalidUrl(request, target.left)
      const send = (body: Body): ResponseEffect =>
        Effect.flatMap(requestLimits, (limits) =>
          Effect.async((resume) => {
            const cancel = dispatch(context, request, target.right, body, limits, resume)
            return Effect.sync(cancel)
          })
        )
      const body = makeRequestBody(request.body)
      return Effect.isEffect(body) ? Effect.flatMap(body, send) : send(body)
    }),
    Effect.succeed
  )
  return markLimited(withCallbackSend(markUntraced(client), callbackSend))
}
