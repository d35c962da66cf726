/** From one token to another: the request of RFC 8693 §2.1, and what its answer may be. */
import type { TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type * as OAuth2 from "../../OAuth2.js"
import type { Token } from "../../Token.js"
import type { Conversation } from "../oauth/serverClient.js"
import { tokenOf, typeOf } from "../oauth/tokenResponse.js"
import * as Member from "../response/bodyMembers.js"
import * as Quirk from "../response/complianceFixes.js"
import type { Body } from "../response/responseBody.js"

/**
 * A token that shows who somebody is.
 *
 * @since 0.1.0
 * @category models
 */
export interface SubjectToken {
  readonly token: Redacted.Redacted<string>
  /** A URI, see {@link tokenTypes}. */
  readonly type: string
}

/**
 * The client, and what it asks for in somebody's name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends OAuth2.Client {
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API the token is for, as an absolute URI. */
  readonly resource?: string | undefined
  /** The API the token is for, by the name that the server knows it by. */
  readonly audience?: string | undefined
  /**
   * The type of the token, see {@link tokenTypes}. When it is left out the server chooses, and only an access token or a
   * JWT is taken; one of another type is taken if it is the one that was asked for.
   */
  readonly requestedTokenType?: string | undefined
  /** Further parameters, of the server's own; no secrets. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /**
   * Who acts for the subject, where the token is to say so ([RFC 8693 §1.1](https://www.rfc-editor.org/rfc/rfc8693#section-1.1));
   * an effect is asked anew for each exchange.
   */
  readonly actor?: SubjectToken | Effect.Effect<SubjectToken, TokenError | TokenStoreError, R> | undefined
}

/**
 * What an exchange gives. A token with the `tokenType` `N_A` is none to be presented to an API: it is of use to
 * another server, as an assertion or as the subject of another exchange.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangedToken extends Token {
  /** What kind of token it is, see {@link tokenTypes}. */
  readonly issuedTokenType: string
}

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

type Asked = Pick<
  Options,
  "audience" | "dpop" | "parameters" | "complianceFixes" | "requestedTokenType" | "resource" | "scopes"
>

const parametersOf = (
  { audience, parameters, complianceFixes, requestedTokenType, resource, scopes = [] }: Asked,
  subject: SubjectToken,
  actor: SubjectToken | undefined
): Record<string, string> => ({
  ...parameters,
  subject_token: Redacted.value(subject.token),
  subject_token_type: subject.type,
  ...(actor !== undefined && { actor_token: Redacted.value(actor.token), actor_token_type: actor.type }),
  ...(resource !== undefined && { resource }),
  ...(audience !== undefined && { audience }),
  ...(scopes.length > 0 && { scope: Quirk.scopeOf(scopes, complianceFixes) }),
  ...(requestedTokenType !== undefined && { requested_token_type: requestedTokenType })
})

/** The one error for whatever is wrong with a token that was sent (RFC 8693 §2.2.2), and the one that servers send instead. */
const explained = (error: TokenError): TokenError =>
  error.reason === "Rejected" && (error.error === "invalid_request" || error.error === "invalid_grant")
    ? new TokenError({
        reason: "Rejected",
        error: error.error,
        detail: `${error.detail}: where the request is as it should be, the token of the subject or of the actor is no longer good, and they have to sign in again`
      })
    : error

const invalid = (detail: string) => new TokenError({ reason: "InvalidResponse", detail })

const somethingElse = invalid(
  "invalid token response: `issued_token_type` is another type than the requested one. Set `complianceFixes.transformResponse` to adapt it"
)
const unasked = invalid(`what was issued is no access token (token_type "N_A"), and nothing else was asked for`)

/** What a JWT for access is called is a matter of taste (RFC 8693 §3). */
export const isForAccess = (type: string): boolean => type === tokenTypes.accessToken || type === tokenTypes.jwt

const isAsked = (issued: string, requested: string): boolean =>
  issued === requested || (requested === tokenTypes.accessToken && isForAccess(issued))

/** A type that is left out is the requested one: Keycloak and others leave it out, and the subject may be used up. */
const exchangedOf = (body: Body, asked: Asked, ahead: number): Effect.Effect<ExchangedToken, TokenError> => {
  const { requestedTokenType: requested = tokenTypes.accessToken } = asked
  const issuedTokenType = Member.text(body["issued_token_type"]) ?? requested
  if (!isAsked(issuedTokenType, requested)) return Effect.fail(somethingElse)
  if (typeOf(body) !== "n_a") {
    return Effect.map(tokenOf(body, asked, ahead), (token) => ({ ...token, issuedTokenType }))
  }
  return requested === tokenTypes.accessToken
    ? Effect.fail(unasked)
    : Effect.map(
        tokenOf({ ...body, token_type: "bearer" }, { complianceFixes: asked.complianceFixes }, ahead),
        (token) => ({
          ...token,
          tokenType: notApplicable,
          issuedTokenType
        })
      )
}

/** One exchange. Text of the server that repeats one of the tokens is not shown. */
export const exchange = (
  { clockSkew, read }: Conversation,
  asked: Asked,
  subject: SubjectToken,
  actor: SubjectToken | undefined
): Effect.Effect<ExchangedToken, TokenError> => {
  const parameters = parametersOf(asked, subject, actor)
  return read(
    ({ authentication, client, options, server }) =>
      oauth.genericTokenEndpointRequest(server, client, authentication, grantType, parameters, options),
    (body) => Effect.flatMap(clockSkew, (ahead) => exchangedOf(body, asked, ahead)),
    [subject, ...(actor === undefined ? [] : [actor])].map(({ token }) => token)
  ).pipe(Effect.mapError(explained))
}
