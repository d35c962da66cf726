/** Errors of the tokens that another party issued: subject tokens, actor tokens and assertions. */
import type { TokenStoreError } from "../../Errors.js"
import { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"

/**
 * Maps the errors of the effect that provides an assertion, subject token or actor token. `ReauthorizationRequired`
 * becomes `Rejected`: a token source remembers `ReauthorizationRequired` until its own record changes, and a sign-in at
 * the provider of the other token does not change that record.
 */
export const asSubjectError = <A, R>(
  what: string,
  effect: Effect.Effect<A, TokenError | TokenStoreError, R>
): Effect.Effect<A, TokenError, R> =>
  Effect.mapError(effect, (error) => {
    const detail = `${what} is not available: ${error.detail}`
    if (error._tag === "TokenStoreError") return new TokenError({ reason: "Unavailable", detail, sent: "no" })
    const { error: code, reason, retryAt } = error
    return new TokenError({
      reason: reason === "ReauthorizationRequired" ? "Rejected" : reason,
      error: code,
      detail,
      retryAt,
      sent: "no"
    })
  })
