/** The options, the state and the result of a sign-in. */
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Claims } from "../../IdToken.js"
import type * as OAuth2 from "../../OAuth2.js"
import type { Token } from "../../Token.js"

/**
 * The client, and what somebody is asked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuth2.Client {
  /** Where the browser is sent back to: https, http on loopback, or a scheme of the application's own with a dot in it. */
  readonly redirectUri: string
  /** With `openid` among them, {@link SignInResult} tells who it is. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API the token is for, where the server issues tokens for several. */
  readonly resource?: string | undefined
  /** Further parameters: `prompt`, `login_hint`, `max_age`, `claims`, `ui_locales`, those of the server's own. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /** Whether the request is pushed to the server before, rather than shown to the browser; as it is where the server wants it. */
  readonly usePar?: boolean | undefined
  /** Where the browser is sent to, for servers that publish no metadata; give the token endpoint as well. */
  readonly authorizationEndpoint?: string | undefined
  /** Where the server's keys are, for servers that publish no metadata. */
  readonly jwksUri?: string | undefined
}

/**
 * A sign-in that was begun: keep it where only the browser that began it leads to it, such as its session, and never
 * under `state` alone: whoever has somebody else open their own callback would have them signed in as themselves.
 *
 * It can be encoded; what is made of it holds the verifier in the clear, and belongs on the server.
 *
 * @since 0.1.0
 * @category models
 */
export class Transaction
  extends /* @__PURE__ */ Schema.Class<Transaction>("@countersign/auth/AuthorizationCode/Transaction")({
    /** The URL to open. */
    url: Schema.NonEmptyString,
    /** What the answer will bring along, by which it is known to belong to this sign-in. */
    state: Schema.NonEmptyString,
    /** Epoch milliseconds. */
    expiresAt: Schema.Finite,
    issuer: Schema.String,
    client: Schema.String,
    redirectUri: Schema.NonEmptyString,
    verifier: Schema.Redacted(Schema.NonEmptyString),
    nonce: Schema.optional(Schema.NonEmptyString),
    /** That an ID token is expected, although there is no nonce (`complianceFixes.nonce`). */
    openid: Schema.optional(Schema.Boolean),
    /** The requested scope, where an API demands more than the options have. */
    scope: Schema.optional(Schema.NonEmptyString),
    /** In seconds: how long ago somebody may have signed in at the server. */
    maxAge: Schema.optional(Schema.NonNegativeInt)
  }) {}

/**
 * What signing in gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignInResult {
  readonly token: Token
  /** Who it is, where `openid` was among the scopes. */
  readonly claims: Claims | undefined
  /** The ID token that says so, as it was sent: what signing out there wants as `id_token_hint`. */
  readonly idToken: Redacted.Redacted<string> | undefined
}
