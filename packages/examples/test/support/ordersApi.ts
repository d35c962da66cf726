/** An API at `https://orders.test`, in memory: it accepts the access tokens of an authorization server at `https://oauth.test`. */
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const { respond } = MockClient

const order = { id: "42", item: "tea", status: "open" }

const routes: MockClient.Routes<"GET /orders" | "GET /orders/:id"> = {
  "GET /orders": respond(200, [order]),
  "GET /orders/:id": (_, { params }) =>
    params.id === "42" ? respond(200, order) : respond(404, { message: `There is no order ${params.id}.` })
}

/** Responds with the 401 of the server to a request without a valid token. */
const protect = (api: HttpClient.HttpClient, server: HttpClient.HttpClient, resource: string) =>
  HttpClient.make((request) =>
    Effect.flatMap(
      server.get(resource, { headers: { authorization: request.headers["authorization"] ?? "" } }),
      (checked) => (checked.status === 200 ? api.execute(request) : Effect.succeed(checked))
    )
  )

/** Both servers. `MockClient` has the requests that the API accepted. A script decides itself, so it gets every request. */
export const layer = (options: OAuthServer.Options, script?: MockClient.Script) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const server = yield* HttpClient.HttpClient
      const { resource } = yield* OAuthServer.OAuthServer
      const { client, mock } = yield* script === undefined ? MockClient.make(routes) : MockClient.make(script)
      const api = script === undefined ? protect(client, server, resource) : client
      const both = HttpClient.make((request) =>
        request.url.startsWith("https://orders.test/") ? api.execute(request) : server.execute(request)
      )
      return Context.make(HttpClient.HttpClient, both).pipe(Context.add(MockClient.MockClient, mock))
    })
  ).pipe(Layer.provideMerge(OAuthServer.layerMemory(options)))

/** The environment of a client of the server. */
export const environment = { ISSUER: "https://oauth.test", CLIENT_ID: "client", CLIENT_SECRET: "secret" }
