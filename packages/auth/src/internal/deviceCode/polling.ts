/** Asking again and again whether somebody has decided, no more often than the server likes. */
import { TokenError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** What is asked about. */
interface Pending {
  readonly expiresAt: number
  readonly interval: number
}

/** RFC 8628 §3.5: for this request and all that come after. */
const slowerMs = 5_000

/** A server that was down is found again within a minute. */
const longestMs = 60_000

/** Long enough for a last answer before the code is over. */
const lastMs = 1_000

const over = new TokenError({
  reason: "ReauthorizationRequired",
  error: "expired_token",
  detail: "nobody has approved the sign-in in time: begin another one"
})

const spent = new TokenError({
  reason: "ReauthorizationRequired",
  error: "invalid_grant",
  detail: "the device code is no longer good (used, or for another client): begin another one"
})

interface Pace {
  /** How long is waited between two questions, in milliseconds. */
  readonly interval: number
  /** How often in a row nothing was heard. */
  readonly unheard: number
  /** When the server wants to be asked again, in epoch milliseconds. */
  readonly notBefore: number
}

/** What an answer other than a token means for the next question; an error where there is none. */
const after = ({ interval, unheard }: Pace, error: TokenError): Either.Either<Pace, TokenError> => {
  if (error.reason === "Unavailable") {
    return Either.right({ interval, unheard: unheard + 1, notBefore: error.retryAt ?? 0 })
  }
  switch (error.error) {
    case "authorization_pending":
      return Either.right({ interval, unheard: 0, notBefore: error.retryAt ?? 0 })
    case "slow_down":
      return Either.right({ interval: interval + slowerMs, unheard: 0, notBefore: error.retryAt ?? 0 })
    case "expired_token":
      return Either.left(over)
    case "invalid_grant":
      return Either.left(spent)
    default:
      return Either.left(error)
  }
}

/** A server that says nothing is asked half as often each time, and once more just before it is too late. */
const waitOf = ({ interval, notBefore, unheard }: Pace, now: number, expiresAt: number): number => {
  const longest = Math.min(longestMs, expiresAt - lastMs - now)
  return Math.max(Math.min(interval * 2 ** unheard, Math.max(longest, interval)), notBefore - now)
}

/** Asks, first after one interval, until there is an answer or it is too late for one. */
export const untilDecided = <A>(
  { expiresAt, interval }: Pending,
  ask: Effect.Effect<A, TokenError>
): Effect.Effect<A, TokenError> =>
  Effect.gen(function* () {
    let pace: Pace = { interval, unheard: 0, notBefore: 0 }
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const wait = waitOf(pace, now, expiresAt)
      if (now + wait >= expiresAt) return yield* over
      yield* Effect.sleep(wait)
      const answer = yield* Effect.either(ask)
      if (Either.isRight(answer)) return answer.right
      pace = yield* after(pace, answer.left)
    }
  })
