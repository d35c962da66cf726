/** Refresh tokens of rejected responses. The old ones are invalid after the rotation, so the new ones must not be lost. */
import { TokenError } from "../../Errors.js"
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"

/** Stored outside of the errors, so that printing an error never prints a token. */
const tokens = new WeakMap<TokenError, Redacted.Redacted<string>>()

/** A copy of the error with the refresh token of its response. All clients share some errors, so it has to be a copy. */
export const attach = (
  { detail, error, reason, retryAt, sent }: TokenError,
  refreshToken: Redacted.Redacted<string>
): TokenError => {
  const attached = new TokenError({ detail, error, reason, retryAt, sent })
  tokens.set(attached, refreshToken)
  return attached
}

export const of = (error: TokenError): Redacted.Redacted<string> | undefined => tokens.get(error)

/** Placeholder for a missing access token. It is expired from the start, so it is never sent. */
const expired = (now: number): Token => ({
  accessToken: Redacted.make("none"),
  tokenType: "Bearer",
  receivedAt: now,
  expiresAt: now
})

/** The token to store after such an error: the old access token, if there was one, with the new refresh token. */
export const tokenOf = (error: TokenError, old: Token | undefined, now: number): Token | undefined => {
  const refreshToken = of(error)
  return refreshToken && { ...(old ?? expired(now)), refreshToken, refreshStartedAt: undefined }
}
