/**
 * The lock of a record as a session-level advisory lock of PostgreSQL (§13.3.5), on a connection that the lock has for itself. It
 * ends with that connection.
 */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Mutex from "@countersign/client/Mutex"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Database } from "../database/database.js"
import type { AdvisorySession } from "./advisorySession.js"
import * as Sessions from "./advisorySession.js"

/** Pauses between two attempts, in milliseconds: the first, the longest, and the factor from one to the next. */
const pauses = { first: 5, longest: 100, factor: 1.5 } as const

const lockTimedOut = (holder: string, timeout: Duration.Duration) =>
  new TokenStoreError({
    reason: "LockTimeout",
    detail:
      `the lock of the record was not acquired within ${Duration.format(timeout)}: ${holder} holds it. ` +
      "Try again, or increase `lockTimeout`"
  })

const infiniteNanos = 2n ** 63n

/** Tries until the lock is acquired or the time is over. Only the pauses can be interrupted. */
const acquire = (
  attempt: Effect.Effect<Option.Option<AdvisorySession>, TokenStoreError>,
  deadline: bigint,
  timedOut: TokenStoreError,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<AdvisorySession, TokenStoreError> => {
  const again = (error: TokenStoreError, pause: number): Effect.Effect<AdvisorySession, TokenStoreError> =>
    Effect.flatMap(Clock.currentTimeNanos, (now) => {
      if (now >= deadline) return error
      const jittered = Effect.flatMap(Random.next, (random) => Effect.sleep(Math.ceil(pause * (0.5 + random / 2))))
      return Effect.zipRight(restore(jittered), next(Math.min(pause * pauses.factor, pauses.longest)))
    })
  const next = (pause: number): Effect.Effect<AdvisorySession, TokenStoreError> =>
    Effect.matchEffect(attempt, {
      onFailure: (error) => (error.reason === "UnsupportedFormat" ? error : again(error, pause)),
      onSuccess: Option.match({ onNone: () => again(timedOut, pause), onSome: Effect.succeed })
    })
  return next(pauses.first)
}

/** Makes `withLock` by the names of records. Fibers of one process wait for each other without a connection. */
export const make = (
  database: Database,
  table: string,
  lockTimeout: Duration.Duration
): TokenStore.Service["withLock"] => {
  const turns = Mutex.makeKeyed()
  const nanos = Option.getOrElse(Duration.toNanos(lockTimeout), () => infiniteNanos)
  const withSession =
    (name: string, deadline: bigint) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | TokenStoreError, R> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const attempt = Sessions.attempt(database, `${table}\0${name}`)
          const timedOut = lockTimedOut("another process", lockTimeout)
          const session = yield* acquire(attempt, deadline, timedOut, restore)
          const held = Effect.provideService(effect, TokenStore.Lease, { isHeld: session.isHeld })
          return yield* Effect.ensuring(restore(held), session.release)
        })
      )
  return (name) => (effect) =>
    Effect.flatMap(Clock.currentTimeNanos, (now) =>
      turns.withLockWithin(
        name,
        lockTimeout
      )((isNext) =>
        isNext ? withSession(name, now + nanos)(effect) : lockTimedOut("another fiber of this process", lockTimeout)
      )
    )
}
