/** New refresh tokens of responses that were rejected: the old ones are void, so these must not be lost. */
import { TokenError } from "@countersign/client/Errors"
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"

/** Beside the errors, so that nothing that prints an error prints a token. */
const tokens = new WeakMap<TokenError, Redacted.Redacted<string>>()

/** The error with the refresh token of its response. It is a copy, since some errors are shared by all clients. */
export const attach = (
  { detail, error, reason, retryAt, sent }: TokenError,
  refreshToken: Redacted.Redacted<string>
): TokenError => {
  const attached = new TokenError({ detail, error, reason, retryAt, sent })
  tokens.set(attached, refreshToken)
  return attached
}

export const of = (error: TokenError): Redacted.Redacted<string> | undefined => tokens.get(error)

/** Stands in for an access token that the response did not have. It has expired when it is made, and is never sent. */
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
