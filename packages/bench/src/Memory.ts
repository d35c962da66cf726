/** Transports in memory that respond at once, so that only the client's work is measured. */
import * as Transport from "@countersign/client/Transport"
import * as PlatformCookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { payload } from "./Payload.js"

/** Base URL of requests without a network. */
export const baseUrl = "http://api.test"
/** A request to it. */
export const request = HttpClientRequest.get(`${baseUrl}/json`)
const json = new TextEncoder().encode(JSON.stringify(payload))

/** Makes a function that responds like `NodeTransport`: parsed header fields, and a buffered small body. */
export const answering = (status: number, fields: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>) => {
  const headers = { ...fields, "content-length": String(body.length) }
  const prototype = Object.create(HttpClientResponse.fromWeb(request, new Response(body, { status, headers })), {
    headers: { value: Headers.fromInput(headers) },
    cookies: { value: PlatformCookies.empty },
    [Transport.bufferedBody]: { value: body }
    // `Object.create` has no types. The value is only the prototype of the responses.
  }) as object
  return (sent: HttpClientRequest.HttpClientRequest): HttpClientResponse.HttpClientResponse =>
    // A response of the platform, except for the properties above.
    Object.create(prototype, { request: { value: sent } }) as HttpClientResponse.HttpClientResponse
}

/** The JSON response of the real server. */
export const answer: (sent: HttpClientRequest.HttpClientRequest) => HttpClientResponse.HttpClientResponse = answering(
  200,
  { "content-type": "application/json" },
  json
)

/** A response that a cache stores for an hour. */
export const cacheable: typeof answer = answering(
  200,
  { "content-type": "application/json", "cache-control": "max-age=3600" },
  json
)

/** A 401 with a Bearer challenge. */
export const refusal: typeof answer = answering(401, { "www-authenticate": "Bearer" }, new Uint8Array(0))

/** Makes a transport from a function. */
export const transportOf = (respond: typeof answer): HttpClient.HttpClient => {
  const client = HttpClient.makeWith<never, never, never, never>(
    Effect.map((sent) => respond(sent)),
    Effect.succeed
  )
  // Like `NodeTransport`: sends by callback, and creates no spans.
  return Transport.withCallbackSend(Transport.markUntraced(client), (sent, answered) => {
    answered(Exit.succeed(respond(sent)))
    return () => undefined
  })
}

/** The response to a request. */
export const same = answer(request)
/** A transport with one response for all requests. */
export const transport = transportOf(() => same)
/** A transport with a new response for each request. */
export const fresh = transportOf(answer)
