/** Tokens that are bound to a key: a copy of the token is useless without the key. */
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as DpopKey from "@countersign/auth/DpopKey"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

// #region client
class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

const client = { issuer: "https://oauth.test", clientId: "service" }

// The key is stored beside the tokens: use an encrypted store. `Dpop.generateKey` makes one that ends with the process.
const AuthLive = Layer.unwrapEffect(
  Effect.map(DpopKey.fromStore(client), (dpop) =>
    ClientCredentials.layerConfig({ ...client, clientSecret: Config.redacted("CLIENT_SECRET"), dpop })
  )
)

export const ApiLive = Api.layer({ baseUrl: "https://oauth.test", auth: AuthLive })
// #endregion

export const program = Effect.gen(function* () {
  const api = yield* Api
  return yield* (yield* api.get("/resource")).text
})
