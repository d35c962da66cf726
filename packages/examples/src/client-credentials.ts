/** Service to service: a token that the client gets for itself, kept in a file between two runs. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as ApiClient from "@countersign/client/ApiClient"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}
const AuthLive = ClientCredentials.layerConfig({
  issuer: Config.string("ISSUER"),
  clientId: Config.string("CLIENT_ID"),
  clientSecret: Config.redacted("CLIENT_SECRET"),
  scopes: ["read"]
})
export const ApiLive = Api.layer({ baseUrl: "https://oauth.test", auth: AuthLive }).pipe(
  Layer.provide(FileTokenStore.layerConfig({ path: Config.string("TOKEN_FILE") }))
)

export const program = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/resource")
})
