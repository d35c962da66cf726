/** Exchanges an authorization code for tokens (RFC 6749 §4.1.3), and checks the ID token. */
import { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as oauth from "oauth4webapi"
import * as IdToken from "../idToken/claims.js"
import * as IdTokenSignature from "../idToken/signature.js"
import type { Context, ServerClient } from "../oauth/serverClient.js"
import { tokenOf } from "../oauth/tokenResponse.js"
import * as Fixes from "../response/complianceFixes.js"
import type { Body } from "../response/responseBody.js"
import type { Options, SignInResult, Transaction } from "./transaction.js"

/** Only for a request that was not sent. A request that was sent may have used up the code. */
const retrySchedule = Schedule.intersect(Schedule.exponential("250 millis"), Schedule.recurs(2))

const asReauthorization = (error: TokenError): TokenError =>
  error.error === "invalid_grant"
    ? new TokenError({
        reason: "ReauthorizationRequired",
        error: error.error,
        detail:
          "the authorization code is invalid: it was used, has expired, or belongs to another redirect URI. Sign in again"
      })
    : error

const exchange =
  (
    server: oauth.AuthorizationServer,
    { redirectUri, state, verifier }: Transaction,
    parameters: URLSearchParams,
    requested: Options
  ) =>
  ({ authentication, client, options }: Context): Promise<Response> => {
    const { resource } = requested
    return oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      oauth.validateAuthResponse(server, client, parameters, state),
      redirectUri,
      Fixes.isWithoutPkce(requested) ? oauth.nopkce : Redacted.value(verifier),
      { ...options, ...(resource !== undefined && { additionalParameters: { resource } }) }
    )
  }

/** Exchanges the code of an authorization response that belongs to the transaction. */
export const signIn = (
  conversation: ServerClient,
  server: oauth.AuthorizationServer,
  transaction: Transaction,
  parameters: URLSearchParams,
  options: Options
): Effect.Effect<SignInResult, TokenError> =>
  Effect.gen(function* () {
    const { clockSkew, read } = conversation
    const secrets = [transaction.verifier, Redacted.make(parameters.get("code") ?? "")]
    const reader = (body: Body) =>
      Effect.flatMap(clockSkew, (clockSkew) =>
        Effect.map(tokenOf(body, options, clockSkew), (token) => ({ body, token }))
      )
    const { body, token } = yield* read(exchange(server, transaction, parameters, options), reader, secrets).pipe(
      Effect.retry({ schedule: retrySchedule, while: ({ reason, sent }) => reason === "Unavailable" && sent === "no" }),
      Effect.mapError(asReauthorization)
    )
    const { maxAge, nonce, openid = nonce !== undefined, scope } = transaction
    // RFC 6749 §5.1: a scope that is left out is the one that was requested.
    const granted = scope === undefined ? token : { ...token, scope: token.scope ?? scope }
    // An ID token that was not requested is not read.
    if (!openid) return { token: granted, claims: undefined, idToken: undefined }
    const expected = {
      requireIdToken: true,
      // Without this, the library rejects an ID token that has a nonce.
      ...(nonce !== undefined && { expectedNonce: nonce }),
      ...(maxAge !== undefined && { maxAge })
    }
    const said = yield* IdToken.validateIdToken(conversation, body, options, (response, { client }) =>
      oauth.processAuthorizationCodeResponse(server, client, response, expected)
    )
    yield* IdTokenSignature.verifySignature(conversation, server, said)
    return { token: granted, claims: said.claims, idToken: said.idToken }
  })
