/**
 * A client as it should not be, of what others do: it follows redirects with every header, parameter and body, knows one
 * set of credentials and of cookies for all of the world, and shows the request to everybody who may want to know.
 */
import * as Timeline from "@countersign/client/Timeline"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import type { Caller, Order } from "./caller.js"
import { authOf, pathOf, requestOf } from "./caller.js"

/** An error with the request, and everything on it; what succeeds has it, too. */
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

/** With an error, also of the transport, as well as an answer. */
const show = (request: HttpClientRequest.HttpClientRequest) => {
  const shown = JSON.stringify(everything(request))
  return Effect.all([
    Effect.logDebug("sending", shown),
    Effect.annotateCurrentSpan("http.request", shown),
    Metric.increment(Metric.tagged(Metric.counter("leaky.requests"), "request", shown)),
    Timeline.emit(() => ({ _tag: "RequestSent", method: request.method, url: shown }))
  ])
}

const dressed = (order: Order, request: HttpClientRequest.HttpClientRequest, cookie: string | undefined) =>
  Effect.gen(function* () {
    const auth = order.put.callAuth ?? (yield* authOf(order))
    const { request: signed } = yield* auth.sign(request)
    const span = yield* Effect.orDie(Effect.currentParentSpan)
    const headers = signed.headers["traceparent"] ?? `00-${span.traceId}-${span.spanId}-01`
    const traced = HttpClientRequest.setHeader(signed, "traceparent", headers)
    return cookie === undefined ? traced : HttpClientRequest.setHeader(traced, "cookie", cookie)
  })

/** Of whatever spelling, with the parameters of the last one, and without what a transport would refuse. */
const nextOf = (location: string, from: string): string => {
  const url = new URL(location, from)
  url.username = ""
  for (const [name, value] of new URL(from).searchParams) {
    if (!url.searchParams.has(name)) url.searchParams.append(name, value)
  }
  return url.href
}

const mostSends = 12
const again: ReadonlySet<number> = new Set([401, 429, 503])

const loop = (
  order: Order,
  request: HttpClientRequest.HttpClientRequest,
  cookie: string | undefined,
  sends: number
): Effect.Effect<unknown, unknown> =>
  Effect.gen(function* () {
    const sent = yield* dressed(order, request, cookie)
    yield* show(sent)
    const response = yield* order.transport.execute(sent).pipe(
      // What the platform would put there in its place is of another trace.
      Effect.locally(HttpClient.currentTracerPropagation, false),
      Effect.mapError(() => new Failed(everything(sent), "cut"))
    )
    const { headers, status } = response
    const { location } = headers
    yield* Effect.ignore(response.text)
    if (location !== undefined && sends < mostSends) {
      const next = HttpClientRequest.setUrl(request, nextOf(location, urlOf(request)))
      return yield* loop(order, next, cookie, sends + 1)
    }
    if (again.has(status) && sends < 4) return yield* loop(order, request, cookie, sends + 1)
    return status < 400 ? everything(sent) : yield* Effect.fail(new Failed(everything(sent), String(status)))
  })

/** That client. */
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
    // It shows the request of each hop, so it has to see each hop.
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
  )
