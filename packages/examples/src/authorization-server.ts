/** One authorization server for the sign-in, the calls and the sign-out of a user. Its metadata is read once. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as AuthorizationServer from "@countersign/auth/AuthorizationServer"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Revocation from "@countersign/auth/Revocation"
import * as ApiClient from "@countersign/client/ApiClient"
import * as SignIn from "@countersign/node/SignIn"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

const Resource = Schema.Struct({ sub: Schema.String, scope: Schema.String })

// #region layers
class Login extends AuthorizationServer.Tag("app/Login")<Login>() {}

const LoginLive = Login.layerConfig({
  issuer: Config.string("ISSUER"),
  clientId: Config.string("CLIENT_ID"),
  clientAuthentication: ClientAuthentication.none
})

const user = { account: "ada", scopes: ["openid", "read"] }

const ApiLive = Api.layer({
  baseUrl: "https://oauth.test",
  auth: Login.layerFrom((client) => RefreshToken.layer({ ...client, ...user }))
})

export const AppLive = Layer.provideMerge(ApiLive, LoginLive)
// #endregion

// #region session
export const program = Effect.gen(function* () {
  const { client } = yield* Login
  yield* SignIn.withBrowser({ ...client, ...user })
  const api = yield* Api
  const { scope, sub } = yield* api.get("/resource", { schema: Resource })
  yield* Console.log(`${sub} may ${scope}`)
  yield* Revocation.signOut({ ...client, ...user })
  yield* Console.log("signed out")
})
// #endregion
