/** From a code to a token, and to who it is that has signed in. */
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as oauth from "oauth4webapi"
import type { Options, SignedIn, Transaction } from "../AuthorizationCode.js"
import type { Context, Conversation } from "./conversation.js"
import * as IdToken from "./idToken.js"
import * as Quirk from "./quirk.js"
import type { Body } from "./responseBody.js"
import { tokenOf } from "./tokenResponse.js"

/** For a request that has not left: what has may have used up the code. */
const again = Schedule.intersect(Schedule.exponential("250 millis"), Schedule.recurs(2))

const spent = (error: TokenError): TokenError =>
  error.error === "invalid_grant"
    ? new TokenError({
        reason: "ReauthorizationRequired",
        error: error.error,
        detail: "the code is no longer good (used, expired, or for another redirect URI): sign in again"
      })
    : error

const exchange =
  (
    server: oauth.AuthorizationServer,
    { redirectUri, state, verifier }: Transaction,
    parameters: URLSearchParams,
    asked: Options
  ) =>
  ({ authentication, client, options }: Context): Promise<Response> => {
    const { resource } = asked
    return oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      oauth.validateAuthResponse(server, client, parameters, state),
      redirectUri,
      Quirk.isWithoutPkce(asked) ? oauth.nopkce : Redacted.value(verifier),
      { ...options, ...(resource !== undefined && { additionalParameters: { resource } }) }
    )
  }

/** Exchanges the code of an answer that belongs to the transaction. */
export const signIn = (
  conversation: Conversation,
  server: oauth.AuthorizationServer,
  transaction: Transaction,
  parameters: URLSearchParams,
  options: Options
): Effect.Effect<SignedIn, TokenError> =>
  Effect.gen(function* () {
    const { clockOffset, read } = conversation
    const secrets = [transaction.verifier, Redacted.make(parameters.get("code") ?? "")]
    const reader = (body: Body) =>
      Effect.flatMap(clockOffset, (ahead) => Effect.map(tokenOf(body, options, ahead), (token) => ({ body, token })))
    const { body, token } = yield* read(exchange(server, transaction, parameters, options), reader, secrets).pipe(
      Effect.retry({ schedule: again, while: ({ reason, sent }) => reason === "Unavailable" && sent === "no" }),
      Effect.mapError(spent)
    )
    const { maxAge, nonce } = transaction
    // Without `openid` nobody asked who it is, and an ID token that comes all the same is nothing to go by.
    if (nonce === undefined) return { token, claims: undefined, idToken: undefined }
    const expected = { expectedNonce: nonce, requireIdToken: true, ...(maxAge !== undefined && { maxAge }) }
    const { claims, idToken, response } = yield* IdToken.claimed(conversation, body, (response, { client }) =>
      oauth.processAuthorizationCodeResponse(server, client, response, expected)
    )
    yield* IdToken.signed(conversation, server, response)
    return { token, claims, idToken }
  })
