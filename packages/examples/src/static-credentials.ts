/** Credentials that do not change: a password, a token, and a cookie with a key. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

const baseUrl = "http://httpbin.test"

// #region basic
export const BasicLive = Api.layer({
  baseUrl,
  auth: Basic.layerConfig({ username: "ada", password: Config.redacted("API_PASSWORD") })
})

export const readReport = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/basic-auth/ada/secret")
}).pipe(
  // A wrong password. `challenges` has the realm that the server names.
  Effect.tapErrorTag("Unauthorized", ({ challenges }) => Console.error(challenges[0]?.params["realm"]))
)
// #endregion

// #region bearer
export const BearerLive = Api.layer({ baseUrl, auth: Bearer.layerConfig(Config.redacted("API_TOKEN")) })

export const readAccount = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/bearer")
}).pipe(
  Effect.tapErrorTag("Unauthorized", (error) => Console.error(error.message)),
  // The token is valid, and may not do this (RFC 6750 §3.1, `insufficient_scope`).
  Effect.tapErrorTag("Forbidden", (error) => Console.error(error.message))
)
// #endregion

// #region key
export const KeyLive = Api.layer({
  baseUrl,
  auth: ApiKey.layerConfig({ location: ApiKey.header("x-api-key"), key: Config.redacted("API_KEY") })
})
// #endregion

export const readHeaders = Effect.gen(function* () {
  const api = yield* Api
  return yield* (yield* api.get("/headers")).json
})
