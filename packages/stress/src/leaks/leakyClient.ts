/**
 * A client with common faults: it follows redirects with every header, parameter and body, sends the same credentials and
 * cookies to all hosts, and prints each request.
 */
import * as Timeline from "@countersign/client/Timeline"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import type { Caller, CallOptions } from "./caller.js"
import { authOf, pathOf, requestOf } from "./caller.js"

/** An error that contains the request. Successful results contain it too. */
class Failed extends Error {
  readonly request: unknown

  constructor(request: unknown, what: string) {
    super(`${what}: ${JSON.stringify(request)}`)
    this.request = request
  }
}

const urlOf = ({ hash, url, urlParams }: HttpClientRequest.HttpClientRequest): string =>
  Either.match(UrlParams.makeUrl(url, urlParams, hash), { onLeft: () => url, onRight: ({ href }) => href })

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): string =>
  body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""

const everything = (request: HttpClientRequest.HttpClientRequest) => ({
  url: urlOf(request),
  headers: { ...request.headers },
  body: bodyOf(request)
})

/** Prints the request. Errors of the transport and results contain it as well. */
const printRequest = (request: HttpClientRequest.HttpClientRequest) => {
  const printed = JSON.stringify(everything(request))
  return Effect.all([
    Effect.logDebug("sending", printed),
    Effect.annotateCurrentSpan("http.request", printed),
    Metric.increment(Metric.tagged(Metric.counter("leaky.requests"), "request", printed)),
    Timeline.emit(() => ({ _tag: "RequestSent", method: request.method, url: printed, request: 1, attempt: 1 }))
  ])
}

const addCredentials = (order: CallOptions, request: HttpClientRequest.HttpClientRequest, cookie: string | undefined) =>
  Effect.gen(function* () {
    const auth = order.put.callAuth ?? (yield* authOf(order))
    const { request: signed } = yield* auth.sign(request)
    const span = yield* Effect.orDie(Effect.currentParentSpan)
    const headers = signed.headers["traceparent"] ?? `00-${span.traceId}-${span.spanId}-01`
    const traced = HttpClientRequest.setHeader(signed, "traceparent", headers)
    return cookie === undefined ? traced : HttpClientRequest.setHeader(traced, "cookie", cookie)
  })

/**
 * Resolves any Location, and appends the parameters of the last URL. User information is removed, as transports reject it.
 */
const nextOf = (location: string, from: string): string => {
  const url = new URL(location, from)
  url.username = ""
  for (const [name, value] of new URL(from).searchParams) {
    if (!url.searchParams.has(name)) url.searchParams.append(name, value)
  }
  return url.href
}

const maxRequests = 12
const retryableStatuses: ReadonlySet<number> = new Set([401, 429, 503])

const loop = (
  order: CallOptions,
  request: HttpClientRequest.HttpClientRequest,
  cookie: string | undefined,
  sends: number
): Effect.Effect<unknown, unknown> =>
  Effect.gen(function* () {
    const sent = yield* addCredentials(order, request, cookie)
    yield* printRequest(sent)
    const response = yield* order.transport.execute(sent).pipe(
      // The platform would overwrite `traceparent` with that of another trace.
      Effect.locally(HttpClient.currentTracerPropagation, false),
      Effect.mapError(() => new Failed(everything(sent), "cut"))
    )
    const { headers, status } = response
    const { location } = headers
    yield* Effect.ignore(response.text)
    if (location !== undefined && sends < maxRequests) {
      const next = HttpClientRequest.setUrl(request, nextOf(location, urlOf(request)))
      return yield* loop(order, next, cookie, sends + 1)
    }
    if (retryableStatuses.has(status) && sends < 4) return yield* loop(order, request, cookie, sends + 1)
    return status < 400 ? everything(sent) : yield* Effect.fail(new Failed(everything(sent), String(status)))
  })

/** The leaking client. */
export const leaky: Caller = (order) =>
  Effect.gen(function* () {
    const { baseUrl, put, transport } = order
    const login =
      put.cookie === undefined ? undefined : yield* transport.execute(HttpClientRequest.get(`${baseUrl}/login`))
    const cookie = login?.headers["set-cookie"]?.split(";", 1)[0]
    const request = HttpClientRequest.setHeaders(requestOf(order, baseUrl + pathOf(order)), {
      ...put.defaults,
      ...put.headers
    })
    return yield* loop(order, request, cookie, 0)
  }).pipe(
    // It prints the request of each hop, so it follows redirects itself.
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
  )
