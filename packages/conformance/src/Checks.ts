/** What cases hold a client to. */
import type { TokenError, TokenReason } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { Wrong } from "./Case.js"

/** Fails, and says what was to be, where it is not. */
export const holds = (isSo: boolean, promise: string): Effect.Effect<void, Wrong> =>
  isSo ? Effect.void : Effect.fail(new Wrong({ message: `broken: ${promise}` }))

/** The text of a token, which two tokens are compared by. */
export const textOf = ({ accessToken }: { readonly accessToken: Redacted.Redacted<string> }): string =>
  Redacted.value(accessToken)

/** How an effect should fail. */
interface Refusal {
  readonly reason: TokenReason
  /** The server's code, where it has one. */
  readonly error?: string
  /** What no message may show. */
  readonly secrets?: ReadonlyArray<string>
}

const isTokenError = (error: { readonly _tag: string }): error is TokenError => error._tag === "TokenError"

/** What a log might show of it. */
const shown = (error: unknown): string => `${String(error)} ${JSON.stringify(error)} ${inspect(error, { depth: 9 })}`

/** Has it fail with a `TokenError` of a reason, and gives what was observed of that. */
export const refused = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>,
  { error, reason, secrets = [] }: Refusal
): Effect.Effect<string, Wrong, R> =>
  Effect.matchEffect(effect, {
    onSuccess: () => Effect.fail(new Wrong({ message: `not refused, as it should be with ${reason}` })),
    onFailure: (failure) => {
      if (secrets.some((secret) => shown(failure).includes(secret))) {
        return Effect.fail(new Wrong({ message: "the error shows what none may show" }))
      }
      return isTokenError(failure) && failure.reason === reason && (error === undefined || failure.error === error)
        ? Effect.succeed(`${reason}${failure.error === undefined ? "" : ` (${failure.error})`}: ${failure.detail}`)
        : Effect.fail(new Wrong({ message: `not ${reason} (${error ?? "any"}): ${failure._tag}: ${failure.message}` }))
    }
  })
