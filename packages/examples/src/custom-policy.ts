/** Custom policy around the transport: it runs for every HTTP request, retries and replays included. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Policy from "@countersign/client/Policy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region policy
/** Numbers the requests, so that the server's log can be compared with the client's. */
const numbered = Effect.sync(() => {
  let sends = 0
  return Policy.make((request, next) =>
    Effect.suspend(() => next(HttpClientRequest.setHeader(request, "x-send", String(++sends))))
  )
})

/** Adds the policy to any transport. */
const NumberedTransport = Layer.effect(
  HttpClient.HttpClient,
  Effect.flatMap(numbered, (policy) => Effect.map(HttpClient.HttpClient, policy))
)
// #endregion

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: Auth.none }).pipe(
  Layer.provide(NumberedTransport)
)

export const program = Effect.gen(function* () {
  const api = yield* Api
  yield* api.get("/a")
  yield* api.get("/b")
})
