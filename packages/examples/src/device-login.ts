/** Device sign-in (RFC 8628): the program shows a code, and the user enters it in a browser on another device. */
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import type * as RefreshToken from "@countersign/auth/RefreshToken"
import * as SignIn from "@countersign/node/SignIn"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const client: RefreshToken.Options = {
  issuer: "https://oauth.test",
  clientId: "tv",
  clientAuthentication: ClientAuthentication.none,
  scopes: ["openid", "read"]
}

// #region login
export const login = Effect.gen(function* () {
  const { claims } = yield* SignIn.withDevice(client)
  yield* Console.log(`signed in as ${claims?.sub}`)
})
// #endregion
