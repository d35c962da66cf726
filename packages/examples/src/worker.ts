/** API client in a Cloudflare Worker: all requests of an isolate share it and its token. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as WaitUntil from "@countersign/client/WaitUntil"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { env, waitUntil } from "cloudflare:workers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"

// #region worker
class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

const AuthLive = ClientCredentials.layer({
  issuer: "https://auth.example.com",
  clientId: "worker",
  clientSecret: Redacted.make(env.CLIENT_SECRET)
})

const WaitUntilLive = Layer.succeed(WaitUntil.WaitUntil, waitUntil)

const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: AuthLive }).pipe(
  Layer.provide([TokenStore.layerMemory, FetchHttpClient.layer, WaitUntilLive])
)

/** Built once for each isolate, so that its requests share the token. */
const runtime = ManagedRuntime.make(ApiLive)

const answer = Effect.gen(function* () {
  const api = yield* Api
  const orders = yield* api.get("/orders")
  return new Response(yield* orders.text)
}).pipe(Effect.catchAll((error) => Effect.succeed(new Response(error.message, { status: 502 }))))

export default { fetch: (): Promise<Response> => runtime.runPromise(answer) }
// #endregion
