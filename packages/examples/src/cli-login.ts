/** CLI sign-in: the user signs in once in a browser, and later runs use the stored token. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Revocation from "@countersign/auth/Revocation"
import * as ApiClient from "@countersign/client/ApiClient"
import * as SignIn from "@countersign/node/SignIn"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

// #region client
/** Sign-in, API calls and sign-out use the same options, because these identify the stored token. */
const client: RefreshToken.Options = {
  issuer: "https://oauth.test",
  clientId: "cli",
  clientAuthentication: ClientAuthentication.none,
  scopes: ["openid", "read"]
}

const ApiLive = Api.layer({ baseUrl: "https://oauth.test", auth: RefreshToken.layer(client) })
// #endregion

// #region commands
export const login = Effect.gen(function* () {
  const { claims } = yield* SignIn.withBrowser(client)
  yield* Console.log(`signed in as ${claims?.sub}`)
})

const Resource = Schema.Struct({ sub: Schema.String, scope: Schema.String })

export const whoami = Effect.gen(function* () {
  const api = yield* Api
  const { scope, sub } = yield* api.get("/resource", { schema: Resource })
  yield* Console.log(`${sub} may ${scope}`)
}).pipe(
  Effect.provide(ApiLive),
  Effect.catchIf(
    (error) => error._tag === "TokenError" && error.reason === "ReauthorizationRequired",
    () => Console.error("not signed in. Run login.")
  )
)

export const logout = Effect.zipRight(Revocation.signOut(client), Console.log("signed out"))
// #endregion
