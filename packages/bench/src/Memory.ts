/** Transports in memory, which answer at once: what is left is what the client does. */
import * as PlatformCookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { payload } from "./Payload.js"

/** Where the requests go that go nowhere. */
export const baseUrl = "http://api.test"
/** A request of it. */
export const request = HttpClientRequest.get(`${baseUrl}/json`)
const json = JSON.stringify(payload)
const web = new Response(json, { headers: { "content-type": "application/json" } })

/** Answers as a good transport gives them: the fields parsed, a small body at hand. */
const answered = Object.create(HttpClientResponse.fromWeb(request, web), {
  headers: { value: Headers.fromInput({ "content-type": "application/json", "content-length": String(json.length) }) },
  cookies: { value: PlatformCookies.empty },
  arrayBuffer: { value: Effect.succeed(new TextEncoder().encode(json).buffer) }
  // `Object.create` knows no types: it is the prototype of what `answerTo` makes, and nothing else.
}) as object

const answerTo = (sent: HttpClientRequest.HttpClientRequest): HttpClientResponse.HttpClientResponse =>
  // A response of the platform's in all but the properties above.
  Object.create(answered, { request: { value: sent } }) as HttpClientResponse.HttpClientResponse

const transportOf = (respond: typeof answerTo) =>
  HttpClient.makeWith<never, never, never, never>(
    Effect.map((sent) => respond(sent)),
    Effect.succeed
  )

/** What it is answered. */
export const same = answerTo(request)
/** Always gives the same answer. */
export const transport = transportOf(() => same)
/** Gives an answer of its own for each request. */
export const fresh = transportOf(answerTo)
