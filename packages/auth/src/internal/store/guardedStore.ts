import { TokenStoreError } from "../../Errors.js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TokenOwner, Token } from "../../Token.js"
import type * as TokenStore from "../../TokenStore.js"
import { step } from "../concurrency/flightProgress.js"

/** Timeout of a read or write, so that a store that hangs does not keep callers from a valid token. */
export const storeTimeout: Duration.Duration = Duration.seconds(15)

/** Timeout of the wait for a lock. It exceeds the lock timeouts of the stores, because their errors say more. */
const lockTimeout = Duration.minutes(2)

/** The error of a store operation that timed out. */
export const timedOut = (
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

/** Without `account`, two refresh tokens may belong to two users. A sign-in has no lineage, so its token always matches. */
const isOtherLineage = (issued: TokenOwner, expected: TokenOwner): boolean =>
  issued.lineage !== undefined && expected.lineage !== undefined && issued.lineage !== expected.lineage

/** Why a record belongs to another owner. A record without an owner is accepted. */
const ownerProblem = (token: Token, expected: TokenOwner | undefined): string | undefined => {
  const { owner } = token
  if (owner === undefined || expected === undefined) return undefined
  if (isOther(owner, expected)) return `${issuers(token, expected)}: give each its own key, or remove the record`
  return isOtherLineage(owner, expected)
    ? "its record began with another `refreshToken`, and no `account` says that both are of one user: set `account` for each, or remove the record"
    : undefined
}

/**
 * One record of a store, with timeouts for reads and writes. A token of another issuer, client, account or audience is
 * neither used nor overwritten.
 */
export interface GuardedRecord {
  /** Whether other processes use the same record. */
  readonly isShared: boolean
  /** Whether they may run on other machines, with other clocks. */
  readonly isCluster: boolean
  readonly get: Effect.Effect<Option.Option<TokenStore.VersionedToken>, TokenStoreError>
  readonly compareAndSet: (
    expected: number,
    token: Token
  ) => Effect.Effect<Option.Option<TokenStore.VersionedToken>, TokenStoreError>
  readonly remove: (expected: number) => Effect.Effect<boolean, TokenStoreError>
  readonly exclusive: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/** Limits the wait for a lock, but not the time that it is held. */
const withLockTimeout =
  (store: TokenStore.Service, key: string): GuardedRecord["exclusive"] =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      let now: "waiting" | "entered" | "gone" = "waiting"
      const within = Effect.suspend(() => {
        if (now === "gone") return Effect.interrupt
        now = "entered"
        // The store releases its lock afterwards, which is a separate step.
        return Effect.ensuring(effect, step(Effect.void, Duration.toMillis(storeTimeout)))
      })
      const outside = Effect.flatMap(Effect.sleep(lockTimeout), () => {
        if (now === "entered") return Effect.never
        now = "gone"
        return timedOut("waiting for the lock of the record", "LockTimeout", lockTimeout)
      })
      // The timeout has to work in an uninterruptible region too, such as a closing scope.
      const entered = Effect.raceFirst(Effect.disconnect(store.withLock(key)(within)), Effect.interruptible(outside))
      return step(entered, Duration.toMillis(lockTimeout))
    })

/** Reports a damaged record, and the place where the store moved it; undefined if it cannot move it. */
export type Damaged = (error: TokenStoreError, place: string | undefined) => Effect.Effect<void>

/** Reads and writes for a token source that can replace its record: a damaged record is moved aside and written anew. */
const replaceDamaged = (store: TokenStore.Service, key: string, damaged: Damaged): TokenStore.Service => {
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
    // Another process may have replaced it meanwhile, so it is read again. A record that is still damaged counts as none.
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

/** Guards the record of a key. With `damaged`, a damaged record counts as none. */
export const make = (
  given: TokenStore.Service,
  key: string,
  issued: TokenOwner | undefined,
  damaged?: Damaged
): GuardedRecord => {
  const store = damaged === undefined ? given : replaceDamaged(given, key, damaged)
  const checked = (stored: Option.Option<TokenStore.VersionedToken>) => {
    const detail = Option.isSome(stored) ? ownerProblem(stored.value.token, issued) : undefined
    return detail === undefined ? Effect.succeed(stored) : new TokenStoreError({ reason: "OwnerMismatch", detail })
  }
  const within = <A>(effect: Effect.Effect<A, TokenStoreError>, error: () => TokenStoreError) =>
    step(
      Effect.timeoutFail(Effect.disconnect(effect), { duration: storeTimeout, onTimeout: error }),
      Duration.toMillis(storeTimeout)
    )
  return {
    isShared: store.lockScope !== "process",
    isCluster: store.lockScope === "cluster",
    get: Effect.flatMap(
      within(store.get(key), () => timedOut("reading the record", "ReadFailed", storeTimeout)),
      checked
    ),
    compareAndSet: (expected, token) =>
      within(store.compareAndSet(key, expected, token), () =>
        timedOut("writing the record", "WriteFailed", storeTimeout)
      ),
    remove: (expected) =>
      within(store.remove(key, expected), () => timedOut("removing the record", "WriteFailed", storeTimeout)),
    exclusive: withLockTimeout(store, key)
  }
}
