/** Assertions of the cases. */
import type { TokenError, TokenReason } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { CaseFailed } from "./Case.js"

/** Fails with the expectation if it is not met. */
export const expectThat = (isSo: boolean, promise: string): Effect.Effect<void, CaseFailed> =>
  isSo ? Effect.void : Effect.fail(new CaseFailed({ message: `expected: ${promise}` }))

/** The text of an access token, to compare two tokens. */
export const textOf = ({ accessToken }: { readonly accessToken: Redacted.Redacted<string> }): string =>
  Redacted.value(accessToken)

/** The expected error of an effect. */
interface ExpectedError {
  readonly reason: TokenReason
  /** The error code of the server, if any. */
  readonly error?: string
  /** Texts that no message may contain. */
  readonly secrets?: ReadonlyArray<string>
}

const isTokenError = (error: { readonly _tag: string }): error is TokenError => error._tag === "TokenError"

/** The texts that a log might show of an error. */
const allRenderings = (error: unknown): string =>
  `${String(error)} ${JSON.stringify(error)} ${inspect(error, { depth: 9 })}`

/** Expects that the effect fails with a `TokenError` of a reason. Returns what was observed. */
export const expectTokenError = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>,
  { error, reason, secrets = [] }: ExpectedError
): Effect.Effect<string, CaseFailed, R> =>
  Effect.matchEffect(effect, {
    onSuccess: () => Effect.fail(new CaseFailed({ message: `succeeded, expected ${reason}` })),
    onFailure: (failure) => {
      if (secrets.some((secret) => allRenderings(failure).includes(secret))) {
        return Effect.fail(new CaseFailed({ message: "the error contains a secret" }))
      }
      return isTokenError(failure) && failure.reason === reason && (error === undefined || failure.error === error)
        ? Effect.succeed(`${reason}${failure.error === undefined ? "" : ` (${failure.error})`}: ${failure.detail}`)
        : Effect.fail(
            new CaseFailed({ message: `not ${reason} (${error ?? "any"}): ${failure._tag}: ${failure.message}` })
          )
    }
  })
