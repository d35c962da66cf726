import { makeRequestError } from "@countersign/client/Transport"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { codedError } from "../mockClient/step.js"
import * as RequestBody from "../requestBody.js"
import { Dropped, errorOf } from "./socketFaults.js"

const received = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  body: RequestBody.RequestBody | undefined
): HttpServerRequest.HttpServerRequest => {
  const { method } = request
  // Servers read the body of any POST, and the platform's request cannot stream a null body.
  const init = method === "GET" || method === "HEAD" ? {} : { body: new Uint8Array(body?.content ?? []) }
  const length = body === undefined ? {} : { "content-length": String(body.content.length) }
  const type = body?.contentType === undefined ? {} : { "content-type": body.contentType }
  // Headers are set on the platform's request, because browsers remove `cookie` and `host` from a web `Request`.
  return HttpServerRequest.fromWeb(new Request(url, { method, ...init })).modify({
    headers: { host: url.host, ...length, ...type, ...request.headers }
  })
}

/** Ends a body when its reader is gone. An endless body would keep the process busy. */
const abortable = (
  response: HttpServerResponse.HttpServerResponse,
  signal: AbortSignal
): HttpServerResponse.HttpServerResponse => {
  if (response.body._tag !== "Stream") return response
  const aborted = Effect.async<never>((resume) => {
    const stop = () => resume(Effect.interrupt)
    signal.addEventListener("abort", stop, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", stop))
  })
  const { contentLength, contentType, stream } = response.body
  return HttpServerResponse.setBody(
    response,
    HttpBody.stream(Stream.interruptWhen(stream, aborted), contentType, contentLength)
  )
}

/**
 * A transport that runs an app in the caller's fiber, with its Clock and its interruption. It does not follow redirects.
 * Requests to origins other than these fail with `ENOTFOUND`.
 */
export const client = (
  app: HttpApp.Default<never, Scope.Scope>,
  ...origins: ReadonlyArray<string>
): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) => {
    if (!origins.includes(url.origin)) {
      const cause = codedError("ENOTFOUND", `getaddrinfo ENOTFOUND ${url.hostname}`)
      return Effect.fail(makeRequestError({ request, reason: "Transport", cause }))
    }
    return Effect.gen(function* () {
      const body = yield* RequestBody.read(request)
      const runtime = yield* Effect.runtime()
      const incoming = yield* Effect.try({
        // The web's `Request` rejects URLs with user and password.
        try: () => received(request, url, body),
        catch: (cause) => makeRequestError({ request, reason: "InvalidUrl", cause })
      })
      const response = yield* Effect.scoped(app).pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, incoming)
      )
      const { body: sent } = response
      if (sent._tag === "Raw" && sent.body instanceof Dropped) {
        const cause = errorOf(sent.body.ending)
        return yield* makeRequestError({ request, reason: "Transport", cause })
      }
      const withoutBody = request.method === "HEAD"
      return HttpClientResponse.fromWeb(
        request,
        HttpServerResponse.toWeb(abortable(response, signal), { withoutBody, runtime })
      )
    })
  })
