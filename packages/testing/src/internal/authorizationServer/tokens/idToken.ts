import * as Effect from "effect/Effect"
import * as Behavior from "../profileBehavior.js"
import { clockOf, type Server } from "../serverState.js"
import type { TokenResponse } from "./tokens.js"

/** Values for the claims of an ID token. */
interface Told {
  readonly clientId: string
  readonly user: string | undefined
  readonly nonce?: string | undefined
  readonly acr?: string | undefined
  readonly now: number
}

/** Adds an ID token (OpenID Connect Core §2) to a response with the scope `openid`. Tokens without a user have none. */
export const attach = (
  server: Server,
  response: TokenResponse,
  { acr, clientId, nonce, now, user }: Told
): Effect.Effect<TokenResponse> => {
  const isAsked = response.scope?.split(" ").includes("openid") === true
  if (!isAsked || user === undefined) return Effect.succeed(response)
  const iat = Math.floor(clockOf(server, now) / 1000)
  const claims = { iss: server.issuer, sub: user, aud: clientId, iat, exp: iat + 3600, auth_time: iat, nonce, acr }
  return Effect.map(
    server.signer.sign({ ...Behavior.claimsOf(server.profile, claims), ...server.settings.overrides.idToken }),
    (id_token) => ({
      ...response,
      id_token
    })
  )
}
