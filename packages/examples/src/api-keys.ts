/** API keys in rotation: the new key first, and the old one while the server does not know the new one. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region pool
// API_KEYS=new,old
const KeysLive = ApiKey.layerPoolConfig({
  location: ApiKey.header("x-api-key"),
  keys: Config.array(Config.redacted(), "API_KEYS")
})

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: KeysLive })
// #endregion

export const program = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/orders")
})
