/**
 * Access token with its type, lifetime, refresh token and owner.
 *
 * @since 0.1.0
 */
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * Issuer, client, account and audience of a token. A stored token is checked against them before it is used.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenOwner {
  /** The issuer identifier of the authorization server. */
  readonly issuer: string
  /** The client id. */
  readonly client: string
  /** The account of the user. Undefined if the options name no account. */
  readonly account?: string | undefined
  /** The API that the token is for. Undefined if the options name no API. */
  readonly audience?: string | undefined
  /**
   * The SHA-256 of the refresh token that the record began with, if it has no account. A source with another refresh token
   * neither uses nor overwrites the record.
   */
  readonly lineage?: string | undefined
}

/**
 * An access token and the other members of its token response. Times are epoch milliseconds.
 *
 * `expiresAt` is undefined if the server sent no `expires_in`. Such a token does not count as expired
 * ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1) only recommends `expires_in`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Token {
  /** The access token (`access_token`). */
  readonly accessToken: Redacted.Redacted<string>
  /** The authentication scheme of the token (`token_type`), as the server spelled it: `Bearer`, `DPoP`. */
  readonly tokenType: string
  /** When the token was received, in epoch milliseconds. */
  readonly receivedAt: number
  /** When the token expires, in epoch milliseconds. */
  readonly expiresAt?: number | undefined
  /** The refresh token (`refresh_token`). */
  readonly refreshToken?: Redacted.Redacted<string> | undefined
  /** The granted scopes, separated by spaces. */
  readonly scope?: string | undefined
  /** Further members of the token response, as `extraFields` of `OAuth2.ComplianceFixes` selects them. No secrets. */
  readonly extra?: Readonly<Record<string, string>> | undefined
  /** Issuer, client, account and audience of the token. */
  readonly owner?: TokenOwner | undefined
  /** When an unfinished refresh started, in epoch milliseconds. That refresh may have used the refresh token. */
  readonly refreshStartedAt?: number | undefined
}

const Secret = Schema.Redacted(Schema.NonEmptyString)

/**
 * Schema of a stored token. The encoded form contains the secrets unencrypted, so keep it in a `TokenStore` only.
 *
 * The message of a `ParseError` contains the token. Print it with `Mismatch` only.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Token: Schema.Schema<Token, TokenEncoded> = Schema.Struct({
  accessToken: Secret,
  tokenType: Schema.NonEmptyString,
  receivedAt: Schema.Finite,
  expiresAt: Schema.optional(Schema.Finite),
  refreshToken: Schema.optional(Secret),
  scope: Schema.optional(Schema.String),
  extra: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  owner: Schema.optional(
    Schema.Struct({
      issuer: Schema.String,
      client: Schema.String,
      account: Schema.optional(Schema.String),
      audience: Schema.optional(Schema.String),
      lineage: Schema.optional(Schema.String)
    })
  ),
  refreshStartedAt: Schema.optional(Schema.Finite)
})

/**
 * The encoded form of a {@link Token}, with unencrypted secrets. Times are in epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenEncoded {
  readonly accessToken: string
  readonly tokenType: string
  readonly receivedAt: number
  readonly expiresAt?: number | undefined
  readonly refreshToken?: string | undefined
  readonly scope?: string | undefined
  readonly extra?: Readonly<Record<string, string>> | undefined
  readonly owner?: TokenOwner | undefined
  readonly refreshStartedAt?: number | undefined
}

/**
 * Makes a bearer token from its text.
 *
 * @example
 * import * as Token from "@countersign/auth/Token"
 * import * as Redacted from "effect/Redacted"
 *
 * const token = Token.bearer(Redacted.make("secret"), Date.now(), 3_600_000)
 *
 * @param accessToken - the secret.
 * @param now - epoch milliseconds.
 * @param lifetimeMs - the lifetime. Without it the token has no expiry.
 * @since 0.1.0
 * @category constructors
 */
export const bearer = (accessToken: Redacted.Redacted<string>, now: number, lifetimeMs?: number): Token => ({
  accessToken,
  tokenType: "Bearer",
  receivedAt: now,
  expiresAt: lifetimeMs === undefined ? undefined : now + lifetimeMs
})
