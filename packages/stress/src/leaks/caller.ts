/** A call that carries a credential, and who makes it: our client, as it comes. */
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

/** Everything that one call is made of. */
export interface Order {
  readonly cell: Cell
  readonly put: Put
  readonly baseUrl: string
  readonly origins: ReadonlyArray<string>
  readonly transport: HttpClient.HttpClient
}

/** Makes the call of an order, and gives what its caller would have of it, with the body read. */
export type Caller = (order: Order) => Effect.Effect<unknown, unknown>

/** What is given to our client, and to any other. */
export const pathOf = ({ put }: Order): string => `/0${put.query === undefined ? "" : `?${put.query}`}`

const hasBody: ReadonlySet<string> = new Set(["POST", "PUT", "DELETE"])

/** The options of the request itself. */
const optionsOf = ({ cell, put }: Order): HttpClientRequest.Options.NoUrl => ({
  headers: put.headers,
  urlParams: put.urlParams,
  body: hasBody.has(cell.method) ? HttpBody.text(put.body ?? "nothing=secret") : undefined
})

/** The request as the platform has it. */
export const requestOf = (order: Order, url: string): HttpClientRequest.HttpClientRequest =>
  // A GET with a body is the platform's type error: there is none in the options of one.
  HttpClientRequest.make(order.cell.method as "POST")(url, optionsOf(order))

/** The credentials of the client. One that is refused has others by then, or seems to. */
export const authOf = ({ put }: Order): Effect.Effect<Auth.Service> =>
  Effect.map(put.auth ?? Effect.succeed(Auth.none), (auth) =>
    auth === Auth.none || auth.replay !== undefined ? auth : { ...auth, onRejected: () => Effect.succeed(true) }
  )

const verbs = { GET: "get", HEAD: "head", POST: "post", PUT: "put", DELETE: "del" } as const

const clientOf = (order: Order) =>
  Effect.gen(function* () {
    const { cell, put } = order
    return yield* ApiClient.make({
      baseUrl: order.baseUrl,
      headers: put.defaults,
      auth: yield* authOf(order),
      origins: order.origins,
      cookies: put.cookie !== undefined,
      // As ever, but for the time that it takes.
      retry: Schedule.recurs(2),
      redirects: { crossOriginBody: cell.crossOriginBody },
      metrics: Telemetry.metrics
    })
  }).pipe(
    Effect.provideService(HttpClient.HttpClient, order.transport),
    Effect.provideServiceEffect(CookieJar.CookieJar, CookieJar.makeMemory)
  )

/** Our client, through its verbs, its `execute` or its platform's `HttpClient`. */
export const ours: Caller = (order) => Effect.tap(answerOf(order), ({ text }) => Effect.ignore(text))

const answerOf = (order: Order): Effect.Effect<HttpClientResponse, unknown> =>
  Effect.gen(function* () {
    const { cell, put } = order
    const client = yield* clientOf(order)
    if (put.cookie !== undefined) yield* client.get("/login")
    if (cell.through === "verb" || put.callAuth !== undefined) {
      return yield* client[verbs[cell.method]](pathOf(order), { ...optionsOf(order), auth: put.callAuth })
    }
    const request = requestOf(order, pathOf(order))
    if (cell.through === "execute") return yield* client.execute(request)
    return yield* client.httpClient.execute(request)
  })
