import { TokenStoreError } from "@countersign/client/Errors"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TokenOwner, Token } from "../../Token.js"
import type * as TokenStore from "../../TokenStore.js"
import { step } from "../concurrency/flightProgress.js"

/** A store that does not answer is given up, so that it keeps nobody from a token that is still good. */
export const patience: Duration.Duration = Duration.seconds(15)

/** Longer than any store waits for a lock by itself: its own error says more. */
const lockPatience = Duration.minutes(2)

/** The error of a store that did not answer in time. */
export const silent = (
  what: string,
  reason: "ReadFailed" | "WriteFailed" | "LockTimeout",
  after: Duration.Duration
): TokenStoreError => new TokenStoreError({ reason, detail: `${what} took longer than ${Duration.format(after)}` })

const issuers = (token: Token, issued: TokenOwner): string =>
  `it was issued by ${JSON.stringify(token.owner?.issuer)} to the client ${JSON.stringify(token.owner?.client)}, not by ${JSON.stringify(issued.issuer)} to ${JSON.stringify(issued.client)}`

const isOther = (issued: TokenOwner, expected: TokenOwner): boolean =>
  issued.issuer !== expected.issuer ||
  issued.client !== expected.client ||
  issued.account !== expected.account ||
  issued.audience !== expected.audience

/** Two refresh tokens without an account may be of two users. A sign-in has no lineage, and goes first. */
const isOtherLineage = (issued: TokenOwner, expected: TokenOwner): boolean =>
  issued.lineage !== undefined && expected.lineage !== undefined && issued.lineage !== expected.lineage

/** Why a record is another one's, by what it says of itself. One that says nothing is taken at its place. */
const foreignBy = (token: Token, expected: TokenOwner | undefined): string | undefined => {
  const { owner } = token
  if (owner === undefined || expected === undefined) return undefined
  if (isOther(owner, expected)) return `${issuers(token, expected)}: give each its own key, or remove the record`
  return isOtherLineage(owner, expected)
    ? "its record began with another `refreshToken`, and no `account` says that both are of one user: set `account` for each, or remove the record"
    : undefined
}

/**
 * One record of a store that may hang, or hold somebody else's token under our key: reads and writes are bounded in
 * time, and a token of another issuer, client, account or audience is never used, nor overwritten.
 */
export interface Guarded {
  /** Whether other processes use the same record. */
  readonly isShared: boolean
  readonly get: Effect.Effect<Option.Option<TokenStore.VersionedToken>, TokenStoreError>
  readonly compareAndSet: (
    expected: number,
    token: Token
  ) => Effect.Effect<Option.Option<TokenStore.VersionedToken>, TokenStoreError>
  readonly remove: (expected: number) => Effect.Effect<boolean, TokenStoreError>
  readonly exclusive: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/** Bounds the wait for a lock, and not what is done under it. */
const bounded =
  (store: TokenStore.Service, key: string): Guarded["exclusive"] =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      let now: "waiting" | "entered" | "gone" = "waiting"
      const within = Effect.suspend(() => {
        if (now === "gone") return Effect.interrupt
        now = "entered"
        // The store releases its lock after that, which is a step of its own.
        return Effect.ensuring(effect, step(Effect.void, Duration.toMillis(patience)))
      })
      const outside = Effect.flatMap(Effect.sleep(lockPatience), () => {
        if (now === "entered") return Effect.never
        now = "gone"
        return silent("waiting for its lock", "LockTimeout", lockPatience)
      })
      // Also where a scope is closing, and nothing else can be interrupted.
      const entered = Effect.raceFirst(Effect.disconnect(store.withLock(key)(within)), Effect.interruptible(outside))
      return step(entered, Duration.toMillis(lockPatience))
    })

/** Tells that data was damaged, and where it was moved; to nowhere, if the store cannot move it. */
export type Damaged = (error: TokenStoreError, place: string | undefined) => Effect.Effect<void>

/** Reads and writes for a source that loses nothing with its record: a damaged one is moved aside and written anew. */
const replacing = (store: TokenStore.Service, key: string, damaged: Damaged): TokenStore.Service => {
  const moved = (error: TokenStoreError): Effect.Effect<boolean, TokenStoreError> => {
    if (error.reason !== "Corrupt") return Effect.fail(error)
    const quarantine = store.quarantine?.(key) ?? Effect.succeedNone
    return Effect.flatMap(Effect.option(Effect.map(quarantine, Option.getOrUndefined)), (place) =>
      Effect.as(damaged(error, Option.getOrUndefined(place)), Option.isSome(place))
    )
  }
  const none = Effect.succeedNone
  return {
    ...store,
    // Another process may have moved it in the meantime, so it is read again. What is still damaged is as good as nothing.
    get: (name) =>
      Effect.catchAll(store.get(name), (error) =>
        Effect.zipRight(
          moved(error),
          Effect.catchIf(
            store.get(name),
            ({ reason }) => reason === "Corrupt",
            () => none
          )
        )
      ),
    compareAndSet: (name, expected, token) =>
      Effect.catchAll(store.compareAndSet(name, expected, token), (error) =>
        Effect.zipRight(moved(error), store.compareAndSet(name, 0, token))
      )
  }
}

/** Guards the record of a key. With `damaged`, a record that is damaged counts as none. */
export const make = (
  given: TokenStore.Service,
  key: string,
  issued: TokenOwner | undefined,
  damaged?: Damaged
): Guarded => {
  const store = damaged === undefined ? given : replacing(given, key, damaged)
  const checked = (stored: Option.Option<TokenStore.VersionedToken>) => {
    const detail = Option.isSome(stored) ? foreignBy(stored.value.token, issued) : undefined
    return detail === undefined ? Effect.succeed(stored) : new TokenStoreError({ reason: "OwnerMismatch", detail })
  }
  const within = <A>(effect: Effect.Effect<A, TokenStoreError>, error: () => TokenStoreError) =>
    step(
      Effect.timeoutFail(Effect.disconnect(effect), { duration: patience, onTimeout: error }),
      Duration.toMillis(patience)
    )
  return {
    isShared: store.lockScope !== "process",
    get: Effect.flatMap(
      within(store.get(key), () => silent("reading it", "ReadFailed", patience)),
      checked
    ),
    compareAndSet: (expected, token) =>
      within(store.compareAndSet(key, expected, token), () => silent("writing it", "WriteFailed", patience)),
    remove: (expected) => within(store.remove(key, expected), () => silent("removing it", "WriteFailed", patience)),
    exclusive: bounded(store, key)
  }
}
