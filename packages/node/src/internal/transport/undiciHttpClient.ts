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
import { Settling } from "./connectionReuse.js"
import { acceptEncoding } from "./contentDecoding.js"
import type { Common, Outcome } from "./dispatchHandler.js"
import { Exchange } from "./dispatchHandler.js"
import type { Body } from "./requestBody.js"
import { requestBody } from "./requestBody.js"
import type { Target } from "./requestUrl.js"
import { splitter } from "./requestUrl.js"

/** The dispatcher's own options, where they are the same for every request: milliseconds, 0 for no bound. */
export interface Bounds {
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

/**
 * Whether codings are undone here: unless the caller has asked for one. A caller that asks for none (`identity`) gets none
 * of a server that does not keep to it.
 */
const inflates = (headers: Headers.Headers): boolean => (headers["accept-encoding"] ?? "identity") === "identity"

/** What is asked for where the caller says nothing. A range is a part of the coded bytes (RFC 9110 §14.1.2): none then. */
const acceptedFor = (headers: Headers.Headers): string => (headers["range"] === undefined ? acceptEncoding : "identity")

const fieldsOf = (headers: Headers.Headers): HeaderFields => {
  const fields: HeaderFields = []
  for (const name in headers) fields.push(name, headers[name] ?? "")
  return fields
}

/** What stays the same for every request of a transport. */
interface Sending {
  readonly dispatcher: RequestDispatcher
  readonly bounds: Bounds
  readonly common: Common
}

/** What `resume` is told comes once; what cancels the exchange is given. */
const dispatched = (
  { bounds, common, dispatcher }: Sending,
  request: HttpClientRequest,
  { origin, path }: Target,
  body: Body,
  resume: (outcome: Outcome) => void
): (() => void) => {
  const { method } = request
  const exchange = new Exchange(common, request, resume, inflates(request.headers))
  const headers = fieldsOf(request.headers)
  if (request.headers["accept-encoding"] === undefined) headers.push("accept-encoding", acceptedFor(request.headers))
  // What undici does not like about it, a method or a header field, it says to the exchange.
  common.settling.afterwards(() => {
    if (exchange.isCancelled) return
    dispatcher.dispatch({ origin, path, method, headers, body: body ?? null, ...bounds }, exchange)
  })
  return () => exchange.cancel()
}

const invalidUrl = (request: HttpClientRequest, cause: unknown) =>
  Exit.fail(new HttpClientError.RequestError({ request, reason: "InvalidUrl", cause }))

/** A client over a dispatcher, without spans: who wants them makes his own. */
export const overDispatcher = (dispatcher: RequestDispatcher, bounds: Bounds): HttpClient.HttpClient => {
  const split = splitter()
  const sending = { dispatcher, bounds, common: { settling: new Settling(), headersTimeout: bounds.headersTimeout } }

  const direct: Direct<HttpClientError.HttpClientError> = (request, answered) => {
    const target = split(request)
    if (Either.isRight(target)) {
      const body = requestBody(request.body)
      return Effect.isEffect(body) ? undefined : dispatched(sending, request, target.right, body, answered)
    }
    answered(invalidUrl(request, target.left))
    return () => undefined
  }

  const client = HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request: HttpClientRequest): Outcome => {
      const target = split(request)
      if (Either.isLeft(target)) return invalidUrl(request, target.left)
      const send = (body: Body): Outcome =>
        Effect.async((resume) => {
          const cancel = dispatched(sending, request, target.right, body, resume)
          return Effect.sync(cancel)
        })
      const body = requestBody(request.body)
      return Effect.isEffect(body) ? Effect.flatMap(body, send) : send(body)
    }),
    Effect.succeed
  )
  return withDirect(markUntraced(client), direct)
}
