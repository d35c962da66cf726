/** Token exchange: the request (RFC 8693 §2.1), and the validation of its response (§2.2). */
import type { TokenStoreError } from "../../Errors.js"
import { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type * as OAuth2 from "../../OAuth2.js"
import type { Token } from "../../Token.js"
import type { ServerClient } from "../oauth/serverClient.js"
import { tokenOf, typeOf } from "../oauth/tokenResponse.js"
import * as BodyMembers from "../response/bodyMembers.js"
import * as Fixes from "../response/complianceFixes.js"
import type { Body } from "../response/responseBody.js"

/**
 * A token that identifies a subject or an actor, with its type (RFC 8693 §2.1).
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
 * Options of a token exchange: the client, and the token that it requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends OAuth2.Client {
  /** The scopes to request. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API the token is for, as an absolute URI. */
  readonly resource?: string | undefined
  /** The API the token is for, by its name at the authorization server. */
  readonly audience?: string | undefined
  /**
   * The requested token type, see {@link tokenTypes}. By default the server chooses, and only an access token or a JWT is
   * accepted. Any other type is accepted only if it is requested here.
   */
  readonly requestedTokenType?: string | undefined
  /** Additional parameters that the server defines. They must not contain secrets. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /**
   * The token of the acting party, if the issued token is to name it
   * ([RFC 8693 §1.1](https://www.rfc-editor.org/rfc/rfc8693#section-1.1)). An effect runs again for each exchange.
   */
  readonly actor?: SubjectToken | Effect.Effect<SubjectToken, TokenError | TokenStoreError, R> | undefined
}

/**
 * The token that an exchange issued. A token with the `tokenType` `N_A` cannot be sent to an API. Another authorization
 * server accepts it, as an assertion or as the subject token of another exchange.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangedToken extends Token {
  /** The type of the issued token, see {@link tokenTypes}. */
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

/** RFC 8693 §2.2.1: `token_type` of a token that is not an access token. */
export const notApplicable = "N_A"

type ExchangeRequest = Pick<
  Options,
  "audience" | "dpop" | "parameters" | "complianceFixes" | "requestedTokenType" | "resource" | "scopes"
>

const parametersOf = (
  { audience, parameters, complianceFixes, requestedTokenType, resource, scopes = [] }: ExchangeRequest,
  subject: SubjectToken,
  actor: SubjectToken | undefined
): Record<string, string> => ({
  ...parameters,
  subject_token: Redacted.value(subject.token),
  subject_token_type: subject.type,
  ...(actor !== undefined && { actor_token: Redacted.value(actor.token), actor_token_type: actor.type }),
  ...(resource !== undefined && { resource }),
  ...(audience !== undefined && { audience }),
  ...(scopes.length > 0 && { scope: Fixes.scopeOf(scopes, complianceFixes) }),
  ...(requestedTokenType !== undefined && { requested_token_type: requestedTokenType })
})

/** An invalid subject or actor token is reported as `invalid_request` (RFC 8693 §2.2.2), or by some as `invalid_grant`. */
const withHint = (error: TokenError): TokenError =>
  error.reason === "Rejected" && (error.error === "invalid_request" || error.error === "invalid_grant")
    ? new TokenError({
        reason: "Rejected",
        error: error.error,
        detail: `${error.detail}. If the request is correct, the token of the subject or of the actor is no longer valid: sign in again`
      })
    : error

const invalid = (detail: string) => new TokenError({ reason: "InvalidResponse", detail })

const wrongIssuedTokenType = invalid(
  "invalid token response: `issued_token_type` is another type than the requested one. Set `complianceFixes.transformResponse` to adapt it"
)
const notAnAccessToken = invalid(
  `invalid token response: the issued token is no access token (token_type "N_A"). To accept another type, set \`requestedTokenType\``
)

/** A JWT access token may be named by either type (RFC 8693 §3). */
export const isForAccess = (type: string): boolean => type === tokenTypes.accessToken || type === tokenTypes.jwt

const isRequestedType = (issued: string, requested: string): boolean =>
  issued === requested || (requested === tokenTypes.accessToken && isForAccess(issued))

/** A missing `issued_token_type` counts as the requested type: Keycloak and others leave it out. */
const exchangedOf = (
  body: Body,
  asked: ExchangeRequest,
  clockSkew: number
): Effect.Effect<ExchangedToken, TokenError> => {
  const { requestedTokenType: requested = tokenTypes.accessToken } = asked
  const issuedTokenType = BodyMembers.text(body["issued_token_type"]) ?? requested
  if (!isRequestedType(issuedTokenType, requested)) return Effect.fail(wrongIssuedTokenType)
  if (typeOf(body) !== "n_a") {
    return Effect.map(tokenOf(body, asked, clockSkew), (token) => ({ ...token, issuedTokenType }))
  }
  return requested === tokenTypes.accessToken
    ? Effect.fail(notAnAccessToken)
    : Effect.map(
        tokenOf({ ...body, token_type: "bearer" }, { complianceFixes: asked.complianceFixes }, clockSkew),
        (token) => ({
          ...token,
          tokenType: notApplicable,
          issuedTokenType
        })
      )
}

/** Sends one exchange request. Server text that repeats one of the tokens is not shown. */
export const exchange = (
  { clockSkew, read }: ServerClient,
  asked: ExchangeRequest,
  subject: SubjectToken,
  actor: SubjectToken | undefined
): Effect.Effect<ExchangedToken, TokenError> => {
  const parameters = parametersOf(asked, subject, actor)
  return read(
    ({ authentication, client, options, server }) =>
      oauth.genericTokenEndpointRequest(server, client, authentication, grantType, parameters, options),
    (body) => Effect.flatMap(clockSkew, (clockSkew) => exchangedOf(body, asked, clockSkew)),
    [subject, ...(actor === undefined ? [] : [actor])].map(({ token }) => token)
  ).pipe(Effect.mapError(withHint))
}
