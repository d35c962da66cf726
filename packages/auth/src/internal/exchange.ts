/** From one token to another: the request of RFC 8693 §2.1, and what its answer may be. */
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type { Exchanged, Options, Subject } from "../TokenExchange.js"
import type { Conversation } from "./conversation.js"
import * as Quirk from "./quirk.js"
import { tokenOf } from "./tokenResponse.js"

export const grantType = "urn:ietf:params:oauth:grant-type:token-exchange"

export const tokenTypes = {
  accessToken: "urn:ietf:params:oauth:token-type:access_token",
  refreshToken: "urn:ietf:params:oauth:token-type:refresh_token",
  idToken: "urn:ietf:params:oauth:token-type:id_token",
  saml1: "urn:ietf:params:oauth:token-type:saml1",
  saml2: "urn:ietf:params:oauth:token-type:saml2",
  jwt: "urn:ietf:params:oauth:token-type:jwt"
} as const

/** RFC 8693 §2.2.1: the type of a token that is none of access. */
export const notApplicable = "N_A"

type Asked = Pick<Options, "audience" | "dpop" | "parameters" | "quirks" | "requestedTokenType" | "resource" | "scopes">

const parametersOf = (
  { audience, parameters, quirks, requestedTokenType, resource, scopes = [] }: Asked,
  subject: Subject,
  actor: Subject | undefined
): Record<string, string> => ({
  ...parameters,
  subject_token: Redacted.value(subject.token),
  subject_token_type: subject.type,
  ...(actor !== undefined && { actor_token: Redacted.value(actor.token), actor_token_type: actor.type }),
  ...(resource !== undefined && { resource }),
  ...(audience !== undefined && { audience }),
  ...(scopes.length > 0 && { scope: Quirk.scopeOf(scopes, quirks) }),
  ...(requestedTokenType !== undefined && { requested_token_type: requestedTokenType })
})

/** The one error for whatever is wrong with a token that was sent (RFC 8693 §2.2.2), and the one that servers send instead. */
const explained = (error: TokenError): TokenError =>
  error.reason === "Refused" && (error.error === "invalid_request" || error.error === "invalid_grant")
    ? new TokenError({
        reason: "Refused",
        error: error.error,
        detail: `${error.detail}: where the request is as it should be, the token of the subject or of the actor is no longer good, and they have to sign in again`
      })
    : error

const invalid = (detail: string) => new TokenError({ reason: "InvalidResponse", detail })

const untold = invalid("the answer does not say what was issued (issued_token_type)")
const somethingElse = invalid("what was issued is of another type than was asked for (issued_token_type)")
const unasked = invalid(`what was issued is no access token (token_type "N_A"), and nothing else was asked for`)

/** What a JWT for access is called is a matter of taste (RFC 8693 §3). */
export const isForAccess = (type: string): boolean => type === tokenTypes.accessToken || type === tokenTypes.jwt

const isAsked = (issued: string, requested: string = tokenTypes.accessToken): boolean =>
  issued === requested || (requested === tokenTypes.accessToken && isForAccess(issued))

const exchangedOf = (
  answer: oauth.TokenEndpointResponse,
  asked: Asked,
  ahead: number
): Effect.Effect<Exchanged, TokenError> => {
  const { requestedTokenType } = asked
  const { issued_token_type: issuedTokenType, token_type: type } = answer
  if (typeof issuedTokenType !== "string") return Effect.fail(untold)
  if (!isAsked(issuedTokenType, requestedTokenType)) return Effect.fail(somethingElse)
  if (type !== "n_a") {
    return Effect.map(tokenOf(answer, asked, ahead), (token) => ({ ...token, issuedTokenType }))
  }
  return requestedTokenType === undefined || requestedTokenType === tokenTypes.accessToken
    ? Effect.fail(unasked)
    : Effect.map(tokenOf({ ...answer, token_type: "bearer" }, { quirks: asked.quirks }, ahead), (token) => ({
        ...token,
        tokenType: notApplicable,
        issuedTokenType
      }))
}

/** One exchange. Text of the server that repeats one of the tokens is not shown. */
export const exchange = (
  { call, clockOffset }: Conversation,
  asked: Asked,
  subject: Subject,
  actor: Subject | undefined
): Effect.Effect<Exchanged, TokenError> =>
  call(
    async ({ authentication, client, options, server }) =>
      oauth.processGenericTokenEndpointResponse(
        server,
        client,
        await oauth.genericTokenEndpointRequest(
          server,
          client,
          authentication,
          grantType,
          parametersOf(asked, subject, actor),
          options
        ),
        { recognizedTokenTypes: { n_a: () => undefined } }
      ),
    [subject, ...(actor === undefined ? [] : [actor])].map(({ token }) => token)
  ).pipe(
    Effect.mapError(explained),
    Effect.flatMap((answer) => Effect.flatMap(clockOffset, (ahead) => exchangedOf(answer, asked, ahead)))
  )
