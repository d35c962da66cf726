/**
 * A token as a client holds it: the secret, how it is sent, how long it lives and what renews it.
 *
 * @since 0.1.0
 */
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * By whom a token was issued, to which client, in whose name and for which audience: what a stored token is checked
 * against before it is used. What is left out was not said.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenOwner {
  readonly issuer: string
  readonly client: string
  readonly account?: string | undefined
  readonly audience?: string | undefined
  /**
   * The SHA-256 of the refresh token that the record began with, if it has no account. A source with another refresh token
   * neither uses nor overwrites the record.
   */
  readonly lineage?: string | undefined
}

/**
 * An access token with what came along. Times are epoch milliseconds.
 *
 * `expiresAt` is absent when the server did not say how long the token lives, which is not the same as "expired"
 * ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1) only recommends `expires_in`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Token {
  readonly accessToken: Redacted.Redacted<string>
  /** How the token is presented, as the server spelt it: `Bearer`, `DPoP`. */
  readonly tokenType: string
  readonly receivedAt: number
  readonly expiresAt?: number | undefined
  readonly refreshToken?: Redacted.Redacted<string> | undefined
  /** The scopes that were granted, separated by spaces. */
  readonly scope?: string | undefined
  /** What else the server said that its client was told to keep, see `OAuth2.ComplianceFixes`: addresses and names, no secrets. */
  readonly extra?: Readonly<Record<string, string>> | undefined
  readonly owner?: TokenOwner | undefined
  /** When a refresh was begun of which no end was written down: the refresh token may have been used up by it. */
  readonly refreshStartedAt?: number | undefined
}

const Secret = Schema.Redacted(Schema.NonEmptyString)

/**
 * How a token is written down: the secrets in the clear, so what is made of it belongs in a {@link TokenStore} only.
 *
 * A failure to decode names the token in its message; print it through `Mismatch`, never as it is.
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
 * The written form of a {@link Token}.
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
 * A bearer token of which nothing but its text is known.
 *
 * @param accessToken - the secret.
 * @param now - epoch milliseconds.
 * @param lifetimeMs - how long it lives; forever, as far as is known, when left out.
 * @since 0.1.0
 * @category constructors
 */
export const bearer = (accessToken: Redacted.Redacted<string>, now: number, lifetimeMs?: number): Token => ({
  accessToken,
  tokenType: "Bearer",
  receivedAt: now,
  expiresAt: lifetimeMs === undefined ? undefined : now + lifetimeMs
})

/**
 * How long before its end a token counts as expired: 30 seconds, and no more than a tenth of its life, so that a
 * token that lives for half a minute is not refreshed for every request.
 *
 * @since 0.1.0
 * @category times
 */
export const margin = (token: Token): number =>
  token.expiresAt === undefined ? 0 : Math.min(30_000, Math.max(0, token.expiresAt - token.receivedAt) / 10)

/**
 * Whether a token can still be sent at `now` (epoch milliseconds) and be expected to arrive alive.
 *
 * @since 0.1.0
 * @category times
 */
export const isFresh = (token: Token, now: number): boolean =>
  token.expiresAt === undefined || now < token.expiresAt - margin(token)
