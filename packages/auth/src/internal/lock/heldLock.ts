/** The lock of a record while a token is requested: it may be lost, because a lease ends or a connection breaks. */
import { TokenError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as TokenStore from "../../TokenStore.js"

const lockLost = new TokenError({
  reason: "Unavailable",
  sent: "no",
  detail: "the lock of the record was lost before the token request was sent. The next attempt reads the record again."
})

/** Whether the process still has the lock of the record. True outside of a lock. */
export const isLocked: Effect.Effect<boolean> = Effect.flatMap(TokenStore.Lease, ({ isHeld }) => isHeld)

/** Fails if the lock was lost: another process may refresh the token. */
export const checkLocked: Effect.Effect<void, TokenError> = Effect.flatMap(isLocked, (held) =>
  held ? Effect.void : Effect.fail(lockLost)
)
