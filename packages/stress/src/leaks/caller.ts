/** A call with a credential, and the caller that makes it: our client with defaults. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Telemetry from "@countersign/client/Telemetry"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Cell } from "./matrix.js"
import type { Put } from "./credentialLocation.js"

/** Everything that a caller needs for one call. */
export interface CallOptions {
  readonly cell: Cell
  readonly put: Put
  readonly baseUrl: string
  readonly origins: ReadonlyArray<string>
  readonly transport: HttpClient.HttpClient
}

/** Makes the call, and returns what its caller gets, with the body read. */
export type Caller = (order: CallOptions) => Effect.Effect<unknown, unknown>

/** Path and query of the call, for any client. */
export const pathOf = ({ put }: CallOptions): string => `/0${put.query === undefined ? "" : `?${put.query}`}`

const hasBody: ReadonlySet<string> = new Set(["POST", "PUT", "DELETE"])

/** Options of the request. */
const optionsOf = ({ cell, put }: CallOptions): HttpClientRequest.Options.NoUrl => ({
  headers: put.headers,
  urlParams: put.urlParams,
  body: hasBody.has(cell.method) ? HttpBody.text(put.body ?? "nothing=secret") : undefined
})

/** The request for `HttpClient`. */
export const requestOf = (order: CallOptions, url: string): HttpClientRequest.HttpClientRequest =>
  // `HttpClientRequest.make` accepts a body for some methods only. Options for GET and HEAD have none.
  HttpClientRequest.make(order.cell.method as "POST")(url, optionsOf(order))

/** The credentials of the client. A rejected credential can always be replaced, at least seemingly. */
export const authOf = ({ put }: CallOptions): Effect.Effect<Auth.Service> =>
  Effect.map(put.auth ?? Effect.succeed(Auth.none), (auth) =>
    auth === Auth.none || auth.replay !== undefined ? auth : { ...auth, onRejected: () => Effect.succeed(true) }
  )

const clientOf = (order: CallOptions) =>
  Effect.gen(function* () {
    const { cell, put } = order
    return yield* ApiClient.make({
      baseUrl: order.baseUrl,
      headers: put.defaults,
      auth: yield* authOf(order),
      origins: order.origins,
      cookies: put.cookie === undefined ? false : yield* CookieJar.makeMemory,
      // The default retries, without their delays.
      retry: Schedule.recurs(2),
      redirects: { crossOriginBody: cell.crossOriginBody },
      metrics: Telemetry.metrics
    })
  }).pipe(Effect.provideService(HttpClient.HttpClient, order.transport))

/** Our client, by its verbs, its `execute` or its `HttpClient`. */
export const ours: Caller = (order) => Effect.tap(responseOf(order), ({ text }) => Effect.ignore(text))

const responseOf = (order: CallOptions): Effect.Effect<HttpClientResponse, unknown> =>
  Effect.gen(function* () {
    const { cell, put } = order
    const client = yield* clientOf(order)
    if (put.cookie !== undefined) yield* client.get("/login")
    if (cell.through === "verb" || put.callAuth !== undefined) {
      const { body, headers, urlParams } = optionsOf(order)
      const options = { body, headers, query: urlParams, auth: put.callAuth }
      return yield* client.request(cell.method, pathOf(order), options)
    }
    const request = requestOf(order, pathOf(order))
    if (cell.through === "execute") return yield* client.execute(request)
    return yield* client.httpClient.execute(request)
  })
