import { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { Token } from "../../Token.js"
import type { VersionedToken } from "../../TokenStore.js"
import { silently } from "../concurrency/flightProgress.js"
import type { GuardedRecord } from "../store/guardedStore.js"
import type { Telling } from "./eventPublisher.js"

/** The store's side of a token source: which version it knows, and what it still owes the store. */
export interface Saving {
  /** The version that memory is based on; 0 before anything was read or written. */
  readonly version: () => number
  readonly adopted: (version: number) => void
  /** The token that could not be stored yet: newer than whatever the store holds. */
  readonly pending: () => Option.Option<Token>
  /** The record is gone: nothing is owed to it. */
  readonly forget: () => void
  /**
   * Stores a token in place of version `expected`, which holds `previous`. The store owes the token from the moment of the
   * call. The effect never fails: if the write fails or is interrupted, the token is stored later. It can be interrupted
   * in an uninterruptible region too, since the bounds of the store need that.
   *
   * @param first - runs before the write. An interruption of it does not lose the token either.
   */
  readonly save: (
    token: Token,
    expected: number,
    previous: Token | undefined,
    first?: Effect.Effect<void>
  ) => Effect.Effect<void>
}

/** From a second to a minute: a disk that is full now may have room soon, and a token is only lost by exiting. */
const again = Schedule.exponential("1 second").pipe(Schedule.union(Schedule.spaced("1 minute")))

/** Retries under the lock, for a shared record. While the lock is held, no other process reads the used refresh token. */
const atOnce = Schedule.fromDelays("50 millis", "250 millis")

const interrupted = new TokenStoreError({ reason: "WriteFailed", detail: "the write was interrupted" })

interface Debt {
  readonly token: Token
  readonly expected: number
  readonly previous: Token | undefined
}

const textOf = (secret: Redacted.Redacted<string> | undefined): string | undefined => secret && Redacted.value(secret)

/** A server may give the same access token with another refresh token. */
const isSame = (one: Token, other: Token | undefined): boolean =>
  other !== undefined &&
  textOf(one.accessToken) === textOf(other.accessToken) &&
  textOf(one.refreshToken) === textOf(other.refreshToken)

/** Makes the bookkeeping for one key; closing its scope tries a last time to store what is owed. */
export const make = (store: GuardedRecord, { tell }: Telling): Effect.Effect<Saving, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    let known = 0
    let debt: Debt | undefined
    let paying: Fiber.RuntimeFiber<void, TokenStoreError> | undefined

    const paid = (owed: Debt, version: number): Effect.Effect<void> => {
      if (debt === owed) debt = undefined
      known = version
      return tell("Stored", owed.token)
    }

    const outrun = (owed: Debt): Effect.Effect<void> => {
      if (debt === owed) debt = undefined
      return Effect.logWarning(
        "Another process has stored a token under this key meanwhile; this process goes on with its own."
      )
    }

    /** A write may have been carried out although it failed: then the record has moved on by our own hand. */
    const moved = (owed: Debt, found: Option.Option<VersionedToken>): Effect.Effect<void, TokenStoreError> => {
      if (Option.isNone(found)) return outrun(owed)
      const { token, version } = found.value
      if (isSame(token, owed.token)) return paid(owed, version)
      return isSame(token, owed.previous)
        ? Effect.flatMap(store.compareAndSet(version, owed.token), (stored) =>
            Option.isSome(stored) ? paid(owed, stored.value.version) : outrun(owed)
          )
        : outrun(owed)
    }

    const write = (owed: Debt): Effect.Effect<void, TokenStoreError> =>
      Effect.flatMap(store.compareAndSet(owed.expected, owed.token), (stored) =>
        Option.isSome(stored)
          ? paid(owed, stored.value.version)
          : Effect.flatMap(store.get, (found) => moved(owed, found))
      )

    const settle = Effect.suspend(() => (debt === undefined ? Effect.void : write(debt)))
    // Excluded from a transaction: stored while its successor is on its way, the old token would keep that one out.
    const pay = Effect.suspend(() => (debt === undefined ? Effect.void : store.exclusive(settle)))

    // A forked fiber starts with the interruptibility of its parent. Closing the scope has to end this one.
    const forked = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkIn(silently(Effect.interruptible(effect)), scope)

    const startPaying = Effect.suspend(() => {
      if (paying !== undefined) return Effect.void
      const payment = Effect.ensuring(
        // The first try was just now.
        Effect.delay(Effect.retry(pay, again), "1 second"),
        Effect.sync(() => (paying = undefined))
      )
      return Effect.map(forked(payment), (fiber) => void (paying = fiber))
    })

    const owe = (token: Token, error: TokenStoreError) =>
      Effect.gen(function* () {
        yield* startPaying
        yield* tell("StoreFailed", token, error)
        yield* Effect.logWarning(`${error.message}; the new token serves from memory and is stored later.`)
      })

    yield* Scope.addFinalizer(
      scope,
      Effect.suspend(() => (paying === undefined ? Effect.void : Fiber.interrupt(paying))).pipe(
        Effect.zipRight(pay),
        Effect.catchAll((error) => Effect.logError(`${error.message}; the newest token is lost with this process.`))
      )
    )

    return {
      version: () => known,
      adopted: (version) => void (known = version),
      forget: () => {
        debt = undefined
        known = 0
      },
      pending: () => Option.map(Option.fromNullable(debt), ({ token }) => token),
      save: (token, expected, previous, first = Effect.void) => {
        const owed = { token, expected, previous }
        // From now on the store is owed this one, and none of its predecessors.
        debt = owed
        const written = store.isShared ? Effect.retry(write(owed), atOnce) : write(owed)
        return Effect.zipRight(
          first,
          Effect.catchAll(written, (error) => owe(token, error))
        ).pipe(
          Effect.interruptible,
          // The lock is held in the meantime, so nothing is waited for.
          Effect.onInterrupt(() => (debt === owed ? forked(owe(token, interrupted)) : Effect.void))
        )
      }
    }
  })
