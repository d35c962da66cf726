/** Polls until the user has decided, at the interval of the server (RFC 8628 §3.5). */
import { TokenError } from "../../Errors.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** The lifetime and interval of a device code, in milliseconds. */
interface PollOptions {
  readonly expiresAt: number
  readonly interval: number
}

/** RFC 8628 §3.5: `slow_down` increases the interval by five seconds for all further requests. */
const slowerMs = 5_000

/** Longest wait after failures, so that a server that is available again is found within a minute. */
const maxIntervalMs = 60_000

/** Time for a last response before the code expires. */
const lastMs = 1_000

const expired = new TokenError({
  reason: "ReauthorizationRequired",
  error: "expired_token",
  detail: "the sign-in has expired: the user did not approve it in time. Start a new sign-in"
})

const alreadyUsed = new TokenError({
  reason: "ReauthorizationRequired",
  error: "invalid_grant",
  detail: "the device code is invalid: it was used, or belongs to another client. Start a new sign-in"
})

interface PollState {
  /** Wait between two requests, in milliseconds. */
  readonly interval: number
  /** How many requests in a row failed. */
  readonly failures: number
  /** Earliest next request according to the server, in epoch milliseconds; 0 if it states none. */
  readonly retryAt: number
}

/** How to continue after an error; the final error if polling ends. */
const nextState = ({ interval, failures }: PollState, error: TokenError): Either.Either<PollState, TokenError> => {
  if (error.reason === "Unavailable") {
    return Either.right({ interval, failures: failures + 1, retryAt: error.retryAt ?? 0 })
  }
  switch (error.error) {
    case "authorization_pending":
      return Either.right({ interval, failures: 0, retryAt: error.retryAt ?? 0 })
    case "slow_down":
      return Either.right({ interval: interval + slowerMs, failures: 0, retryAt: error.retryAt ?? 0 })
    case "expired_token":
      return Either.left(expired)
    case "invalid_grant":
      return Either.left(alreadyUsed)
    default:
      return Either.left(error)
  }
}

/** Doubles the wait after each failure, and leaves time for one more request just before the code expires. */
const waitOf = ({ interval, retryAt, failures }: PollState, now: number, expiresAt: number): number => {
  const longest = Math.min(maxIntervalMs, expiresAt - lastMs - now)
  return Math.max(Math.min(interval * 2 ** failures, Math.max(longest, interval)), retryAt - now)
}

/** Polls, first after one interval, until there is a result or the code expires. */
export const pollUntilDecided = <A>(
  { expiresAt, interval }: PollOptions,
  ask: Effect.Effect<A, TokenError>
): Effect.Effect<A, TokenError> =>
  Effect.gen(function* () {
    let pace: PollState = { interval, failures: 0, retryAt: 0 }
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const wait = waitOf(pace, now, expiresAt)
      if (now + wait >= expiresAt) return yield* expired
      yield* Effect.sleep(wait)
      const answer = yield* Effect.either(ask)
      if (Either.isRight(answer)) return answer.right
      pace = yield* nextState(pace, answer.left)
    }
  })
