/** Polls until the user has decided, at the interval of the server (RFC 8628 §3.5). */
import { TokenError } from "../../Errors.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

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

/** Whether the server may still answer with a token. */
const isPending = ({ error, reason }: TokenError): boolean =>
  reason === "Unavailable" || error === "authorization_pending" || error === "slow_down"

const nextState = ({ interval, failures }: PollState, { error, reason, retryAt = 0 }: TokenError): PollState => {
  if (reason === "Unavailable") return { interval, failures: failures + 1, retryAt }
  return { interval: error === "slow_down" ? interval + slowerMs : interval, failures: 0, retryAt }
}

/** Doubles the wait after each failure, and leaves time for one more request just before the code expires. */
const waitOf = ({ interval, retryAt, failures }: PollState, now: number, expiresAt: number): number => {
  const longest = Math.min(maxIntervalMs, expiresAt - lastMs - now)
  return Math.max(Math.min(interval * 2 ** failures, Math.max(longest, interval)), retryAt - now)
}

const finalError = (error: TokenError): TokenError => {
  if (isPending(error) || error.error === "expired_token") return expired
  return error.error === "invalid_grant" ? alreadyUsed : error
}

/** Asks again after each wait, until there is a result or the code expires before the next request. */
const poll = <A>(
  ask: Effect.Effect<A, TokenError>,
  state: PollState,
  expiresAt: number
): Effect.Effect<A, TokenError> =>
  Effect.catchAll(ask, (error) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (!isPending(error)) return Effect.fail(error)
      const next = nextState(state, error)
      const wait = waitOf(next, now, expiresAt)
      return now + wait < expiresAt ? Effect.delay(poll(ask, next, expiresAt), wait) : Effect.fail(error)
    })
  )

/** Polls, first after one interval, until there is a result or the code expires. */
export const pollUntilDecided = <A>(
  { expiresAt, interval }: PollOptions,
  ask: Effect.Effect<A, TokenError>
): Effect.Effect<A, TokenError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const initial = { interval, failures: 0, retryAt: 0 }
    const wait = waitOf(initial, now, expiresAt)
    if (now + wait >= expiresAt) return Effect.fail(expired)
    return poll(ask, initial, expiresAt).pipe(Effect.mapError(finalError), Effect.delay(wait))
  })
