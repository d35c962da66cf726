import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { Direct } from "@countersign/client/Transport"
import { withDirect, markUntraced } from "@countersign/client/Transport"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type { HeaderFields, RequestDispatcher } from "../dispatcher/requestDispatcher.js"
import { ConnectionReuse } from "./connectionReuse.js"
import { acceptEncoding } from "./contentDecoding.js"
import type { SharedState, ResponseEffect } from "./dispatchHandler.js"
import { DispatchHandler } from "./dispatchHandler.js"
import type { Body } from "./requestBody.js"
import { makeRequestBody } from "./requestBody.js"
import type { Target } from "./requestUrl.js"
import { makeUrlSplitter } from "./requestUrl.js"

/** The dispatcher's own options, where they are the same for every request: milliseconds, 0 for no bound. */
export interface Timeouts {
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

/**
 * Whether codings are undone here: unless the caller has asked for one. A caller that asks for none (`identity`) gets none
 * of a server that does not keep to it.
 */
const shouldDecode = (headers: Headers.Headers): boolean => (headers["accept-encoding"] ?? "identity") === "identity"

/** What is asked for where the caller says nothing. A range is a part of the coded bytes (RFC 9110 §14.1.2): none then. */
const acceptEncodingFor = (headers: Headers.Headers): string =>
  headers["range"] === undefined ? acceptEncoding : "identity"

const headerFieldsOf = (headers: Headers.Headers): HeaderFields => {
  const fields: HeaderFields = []
  for (const name in headers) fields.push(name, headers[name] ?? "")
  return fields
}

/** What stays the same for every request of a transport. */
interface SendContext {
  readonly dispatcher: RequestDispatcher
  readonly timeouts: Timeouts
  readonly shared: SharedState
}

/** What `resume` is told comes once; what cancels the exchange is given. */
const dispatch = (
  { dispatcher, shared, timeouts }: SendContext,
  request: HttpClientRequest,
  { origin, path }: Target,
  body: Body,
  resume: (response: ResponseEffect) => void
): (() => void) => {
  const { method } = request
  const handler = new DispatchHandler(shared, request, resume, shouldDecode(request.headers))
  const headers = headerFieldsOf(request.headers)
  if (request.headers["accept-encoding"] === undefined)
    headers.push("accept-encoding", acceptEncodingFor(request.headers))
  // What undici does not like about it, a method or a header field, it says to the exchange.
  shared.connectionReuse.whenIdle(() => {
    if (handler.isCancelled) return
    dispatcher.dispatch({ origin, path, method, headers, body: body ?? null, ...timeouts }, handler)
  })
  return () => handler.cancel()
}

const invalidUrl = (request: HttpClientRequest, cause: unknown) =>
  Exit.fail(new HttpClientError.RequestError({ request, reason: "InvalidUrl", cause }))

/** A client over a dispatcher, without spans: who wants them makes his own. */
export const makeHttpClient = (dispatcher: RequestDispatcher, timeouts: Timeouts): HttpClient.HttpClient => {
  const splitUrl = makeUrlSplitter()
  const context = {
    dispatcher,
    timeouts,
    shared: { connectionReuse: new ConnectionReuse(), headersTimeout: timeouts.headersTimeout }
  }

  const direct: Direct<HttpClientError.HttpClientError> = (request, onResponse) => {
    const target = splitUrl(request)
    if (Either.isRight(target)) {
      const body = makeRequestBody(request.body)
      return Effect.isEffect(body) ? undefined : dispatch(context, request, target.right, body, onResponse)
    }
    onResponse(invalidUrl(request, target.left))
    return () => undefined
  }

  const client = HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request: HttpClientRequest): ResponseEffect => {
      const target = splitUrl(request)
      if (Either.isLeft(target)) return invalidUrl(request, target.left)
      const send = (body: Body): ResponseEffect =>
        Effect.async((resume) => {
          const cancel = dispatch(context, request, target.right, body, resume)
          return Effect.sync(cancel)
        })
      const body = makeRequestBody(request.body)
      return Effect.isEffect(body) ? Effect.flatMap(body, send) : send(body)
    }),
    Effect.succeed
  )
  return withDirect(markUntraced(client), direct)
}
