/** The result of a sign-in, for programs that refresh. */
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/**
 * Stores the tokens of a sign-in: the access token has expired, the refresh token is valid. Returns the refresh token.
 */
export const signIn = Effect.gen(function* () {
  const oauth = yield* OAuthServer.OAuthServer
  const store = yield* TokenStore.TokenStore
  const { access_token: text, refresh_token: refresh = "" } = yield* oauth.issueTokens({ clientId: "client" })
  const clientSecret = Redacted.make("secret")
  const key = RefreshToken.keyOf({ issuer: oauth.issuer, clientId: "client", clientSecret, account: "alice" })
  const token = { ...Token.bearer(Redacted.make(text), 0, 0), refreshToken: Redacted.make(refresh) }
  yield* store.compareAndSet(key, 0, token)
  return refresh
})
