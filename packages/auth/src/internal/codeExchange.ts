/** From a code to a token, and to who it is that has signed in. */
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as oauth from "oauth4webapi"
import type { Options, SignedIn, Transaction } from "../AuthorizationCode.js"
import type { Claims } from "../IdToken.js"
import type { Context, Conversation } from "./conversation.js"
import * as IdToken from "./idToken.js"
import * as Quirk from "./quirk.js"
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

interface Exchanged {
  readonly answer: oauth.TokenEndpointResponse
  readonly response: Response
}

const exchange =
  (
    server: oauth.AuthorizationServer,
    { maxAge, nonce, redirectUri, state, verifier }: Transaction,
    parameters: URLSearchParams,
    asked: Options
  ) =>
  async ({ authentication, client, options }: Context): Promise<Either.Either<Exchanged, TokenError>> => {
    const { resource } = asked
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      oauth.validateAuthResponse(server, client, parameters, state),
      redirectUri,
      Quirk.isWithoutPkce(asked) ? oauth.nopkce : Redacted.value(verifier),
      { ...options, ...(resource !== undefined && { additionalParameters: { resource } }) }
    )
    // Without `openid` nobody asked who it is, and an ID token that comes all the same is nothing to go by.
    const expected =
      nonce === undefined ? {} : { expectedNonce: nonce, requireIdToken: true, ...(maxAge !== undefined && { maxAge }) }
    const read = await IdToken.believing(oauth.processAuthorizationCodeResponse(server, client, response, expected))
    return Either.map(read, (answer) => ({ answer, response }))
  }

const claimsOf = (answer: oauth.TokenEndpointResponse): Claims | undefined => oauth.getValidatedIdTokenClaims(answer)

/** Exchanges the code of an answer that belongs to the transaction. */
export const signIn = (
  conversation: Conversation,
  server: oauth.AuthorizationServer,
  transaction: Transaction,
  parameters: URLSearchParams,
  options: Options
): Effect.Effect<SignedIn, TokenError> =>
  Effect.gen(function* () {
    const secrets = [transaction.verifier, Redacted.make(parameters.get("code") ?? "")]
    const { answer, response } = yield* conversation
      .call(exchange(server, transaction, parameters, options), secrets)
      .pipe(
        Effect.retry({ schedule: again, while: ({ reason, sent }) => reason === "Unavailable" && sent === "no" }),
        Effect.mapError(spent),
        Effect.flatten
      )
    const token = yield* tokenOf(answer, options, yield* conversation.clockOffset)
    if (transaction.nonce === undefined) return { token, claims: undefined, idToken: undefined }
    yield* IdToken.signed(conversation, server, response)
    const idToken = answer.id_token === undefined ? undefined : Redacted.make(answer.id_token)
    return { token, claims: claimsOf(answer), idToken }
  })
