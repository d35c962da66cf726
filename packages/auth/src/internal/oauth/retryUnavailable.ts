/** Requests to an authorization server that may be sent as often as it takes. */
import type { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

const again = Schedule.intersect(Schedule.exponential("250 millis"), Schedule.recurs(2))

/** Asks up to three times a server that cannot be heard, unless it says itself when to come back. */
export const patiently = <A>(request: Effect.Effect<A, TokenError>): Effect.Effect<A, TokenError> =>
  Effect.retry(request, {
    schedule: again,
    while: ({ reason, retryAt }) => reason === "Unavailable" && retryAt === undefined
  })
