/** Transports in memory, which answer at once: what is left is what the client does. */
import * as Transport from "@countersign/client/Transport"
import * as PlatformCookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { payload } from "./Payload.js"

/** Where the requests go that go nowhere. */
export const baseUrl = "http://api.test"
/** A request of it. */
export const request = HttpClientRequest.get(`${baseUrl}/json`)
const json = new TextEncoder().encode(JSON.stringify(payload))

/** Makes answers as a good transport gives them: the fields parsed, a small body at hand. */
const answering = (status: number, fields: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>) => {
  const headers = { ...fields, "content-length": String(body.length) }
  const prototype = Object.create(HttpClientResponse.fromWeb(request, new Response(body, { status, headers })), {
    headers: { value: Headers.fromInput(headers) },
    cookies: { value: PlatformCookies.empty },
    [Transport.bufferedBody]: { value: body }
    // `Object.create` knows no types: it is the prototype of the answers, and nothing else.
  }) as object
  return (sent: HttpClientRequest.HttpClientRequest): HttpClientResponse.HttpClientResponse =>
    // A response of the platform's in all but the properties above.
    Object.create(prototype, { request: { value: sent } }) as HttpClientResponse.HttpClientResponse
}

/** The answer with the JSON that a real server gives. */
export const answer: (sent: HttpClientRequest.HttpClientRequest) => HttpClientResponse.HttpClientResponse = answering(
  200,
  { "content-type": "application/json" },
  json
)

/** A 401 that asks for a bearer. */
export const refusal: typeof answer = answering(401, { "www-authenticate": "Bearer" }, new Uint8Array(0))

/** A transport of a function. */
export const transportOf = (respond: typeof answer): HttpClient.HttpClient => {
  const client = HttpClient.makeWith<never, never, never, never>(
    Effect.map((sent) => respond(sent)),
    Effect.succeed
  )
  // As a good transport does it: asked directly, and without spans of its own.
  return Transport.withDirect(Transport.markUntraced(client), (sent, answered) => {
    answered(Exit.succeed(respond(sent)))
    return () => undefined
  })
}

/** What it is answered. */
export const same = answer(request)
/** Always gives the same answer. */
export const transport = transportOf(() => same)
/** Gives an answer of its own for each request. */
export const fresh = transportOf(answer)
