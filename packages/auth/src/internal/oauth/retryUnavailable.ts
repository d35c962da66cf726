/** Retries for requests to an authorization server that are safe to repeat. */
import type { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

const retrySchedule = Schedule.intersect(Schedule.exponential("250 millis"), Schedule.recurs(2))

/** Sends up to three requests while the server is unavailable. A `Retry-After` ends the retries. */
export const retryUnavailable = <A>(request: Effect.Effect<A, TokenError>): Effect.Effect<A, TokenError> =>
  Effect.retry(request, {
    schedule: retrySchedule,
    while: ({ reason, retryAt }) => reason === "Unavailable" && retryAt === undefined
  })
