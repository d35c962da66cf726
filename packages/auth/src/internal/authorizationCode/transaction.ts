/** Options, transaction and result of a sign-in with the authorization code grant. */
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Claims } from "../../IdToken.js"
import type * as OAuth2 from "../../OAuth2.js"
import type { Token } from "../../Token.js"

/**
 * Options of a sign-in with the authorization code grant.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuth2.Client {
  /** URL that the server redirects the browser back to: https, http on loopback, or a private-use scheme with a dot. */
  readonly redirectUri: string
  /** The requested scopes. With `openid`, {@link SignInResult} has the claims of the user. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** URL of the API that the token is for, if the server issues tokens for several APIs. */
  readonly resource?: string | undefined
  /**
   * Further parameters: `prompt`, `login_hint`, `max_age`, `claims`, `ui_locales`, or parameters that the server defines.
   */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /** Whether the request is pushed to the server first (PAR, RFC 9126). Default: only if the server requires it. */
  readonly usePar?: boolean | undefined
  /** URL of the authorization endpoint, if the server publishes no metadata. Requires `tokenEndpoint`. */
  readonly authorizationEndpoint?: string | undefined
  /** URL of the key set (JWKS) of the server, if the server publishes no metadata. */
  readonly jwksUri?: string | undefined
}

/**
 * State of a started sign-in. Store it in the session of the browser that started it, never under `state` alone. Otherwise
 * an attacker could make another user open the attacker's callback, and that user would be signed in as the attacker.
 *
 * It can be encoded. The encoded form contains the PKCE verifier unencrypted, so keep it on the server.
 *
 * @since 0.1.0
 * @category models
 */
export class Transaction
  extends /* @__PURE__ */ Schema.Class<Transaction>("@countersign/auth/AuthorizationCode/Transaction")({
    /** The URL to open. */
    url: Schema.NonEmptyString,
    /** The `state` parameter, which the callback returns. It assigns the callback to this sign-in. */
    state: Schema.NonEmptyString,
    /** When the sign-in expires, in epoch milliseconds. */
    expiresAt: Schema.Finite,
    /** The issuer identifier of the authorization server. */
    issuer: Schema.String,
    /** The client id. */
    client: Schema.String,
    /** The redirect URI of the authorization request. */
    redirectUri: Schema.NonEmptyString,
    /** The PKCE code verifier. */
    verifier: Schema.Redacted(Schema.NonEmptyString),
    /** The expected `nonce` of the ID token. */
    nonce: Schema.optional(Schema.NonEmptyString),
    /** Whether an ID token is expected without a nonce (`complianceFixes.nonce`). */
    openid: Schema.optional(Schema.Boolean),
    /** The requested scope, if a step-up challenge adds scopes to those of the options. */
    scope: Schema.optional(Schema.NonEmptyString),
    /** Maximum age of the authentication at the server, in seconds. */
    maxAge: Schema.optional(Schema.NonNegativeInt)
  }) {}

/**
 * Result of a sign-in.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignInResult {
  /** The access token, with its refresh token if the server issued one. */
  readonly token: Token
  /** The claims of the user, if `openid` was among the scopes. */
  readonly claims: Claims | undefined
  /** The ID token as it was sent, for `id_token_hint` of a sign-out at the server. */
  readonly idToken: Redacted.Redacted<string> | undefined
}
