/** Retries for requests to an authorization server that are safe to repeat. */
import type { TokenError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

const again = Schedule.intersect(Schedule.exponential("250 millis"), Schedule.recurs(2))

/** Sends up to three requests while the server is unavailable. A `Retry-After` ends the retries. */
export const patiently = <A>(request: Effect.Effect<A, TokenError>): Effect.Effect<A, TokenError> =>
  Effect.retry(request, {
    schedule: again,
    while: ({ reason, retryAt }) => reason === "Unavailable" && retryAt === undefined
  })
