/** OAuth 1.0: a request with the secrets of a client and of a token. */
import * as OAuth1 from "@countersign/auth/OAuth1"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region oauth1
const AuthLive = OAuth1.layerConfig({
  clientId: Config.string("CONSUMER_KEY"),
  clientSecret: Config.redacted("CONSUMER_SECRET"),
  token: Config.redacted("ACCESS_TOKEN"),
  tokenSecret: Config.redacted("ACCESS_TOKEN_SECRET")
})

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: AuthLive })
// #endregion

export const program = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.post("/statuses", { form: { status: "Hello" } })
})
