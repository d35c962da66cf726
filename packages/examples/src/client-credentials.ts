/** Service to service: a token that the client gets for itself, kept in a file between two runs. */
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as ApiClient from "@countersign/client/ApiClient"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region layers
const AuthLive = Layer.unwrapEffect(
  Effect.map(Config.redacted("CLIENT_SECRET"), (clientSecret) =>
    ClientCredentials.layer({ issuer: "https://oauth.test", clientId: "client", clientSecret, scopes: ["read"] })
  )
)

export const ApiLive = Api.layer({ baseUrl: "https://oauth.test" }).pipe(
  Layer.provide(AuthLive),
  Layer.provide(FileTokenStore.layerConfig({ path: Config.string("TOKEN_FILE") }))
)
// #endregion

const Resource = Schema.Struct({ client_id: Schema.String, scope: Schema.String })

export const program = Effect.gen(function* () {
  const api = yield* Api
  const { client_id, scope } = yield* api.get("/resource", { schema: Resource })
  yield* Console.log(`${client_id} may ${scope}`)
})
