import { TokenStoreError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { VersionedToken } from "../../TokenStore.js"
import { silently } from "../concurrency/flightProgress.js"
import { storeTimeout, timedOut } from "../store/guardedStore.js"
import type { Pending, PendingWrite } from "./persistenceState.js"
import * as PersistenceState from "./persistenceState.js"
import type { Decorator, Source } from "./source.js"
import { forgetRecord } from "./source.js"

/** Retries of a failed write, after the first second. A full disk may have space again soon. */
const pendingWriteRetries: Schedule.Schedule<unknown> = Schedule.union(
  Schedule.exponential("1 second"),
  Schedule.spaced("1 minute")
)

/** Another machine waits for the outcome for four seconds after the store is reachable again. */
const clusterWriteRetries: Schedule.Schedule<unknown> = Schedule.spaced("1 second")

/** Retries under the lock, for a shared record. No other process reads the used refresh token meanwhile. */
const lockedWriteRetries = Schedule.fromDelays("50 millis", "250 millis")

const interrupted = new TokenStoreError({ reason: "WriteFailed", detail: "the write was interrupted" })

/** Writes the tokens that are not stored yet. */
export interface PendingWrites {
  /** Writes the token of this refresh, if it has acquired one. Does not fail: a failed write is retried later. */
  readonly write: Effect.Effect<void>
  /** The refresh was interrupted. Its token is written later. */
  readonly writeLater: Effect.Effect<void>
}

/** The state, if it still has this write. A refresh may have replaced it. */
const pendingOf = ({ persistence: { current } }: Source, write: PendingWrite): Pending | undefined =>
  current._tag !== "Clean" && current.write === write ? current : undefined

type Transition = (state: Pending) => PersistenceState.PersistenceState

const transition = (source: Source, write: PendingWrite, to: Transition): Effect.Effect<void> =>
  Effect.sync(() => {
    const state = pendingOf(source, write)
    if (state !== undefined) source.persistence.current = to(state)
  })

const saved = (source: Source, write: PendingWrite, version: number): Effect.Effect<void> =>
  Effect.zipRight(
    transition(source, write, (state) => PersistenceState.saved(state, version)),
    source.events.publish("Stored", write.token)
  )

const superseded = (source: Source, write: PendingWrite): Effect.Effect<void> =>
  Effect.zipRight(
    transition(source, write, PersistenceState.superseded),
    Effect.logWarning("Another process has stored a token under this key meanwhile; this process goes on with its own.")
  )

const gone = (source: Source, write: PendingWrite): Effect.Effect<void> =>
  Effect.suspend(() => (pendingOf(source, write) === undefined ? Effect.void : forgetRecord(source)))

/** The record has another version. A write that failed may have been carried out, and then this process has changed it. */
const resolveConflict = (
  source: Source,
  write: PendingWrite,
  record: Option.Option<VersionedToken>
): Effect.Effect<void, TokenStoreError> => {
  if (Option.isNone(record)) return gone(source, write)
  const { token, version } = record.value
  if (PersistenceState.isSameToken(token, write.token)) return saved(source, write, version)
  if (!PersistenceState.isSameToken(token, write.previous)) return superseded(source, write)
  return Effect.flatMap(source.store.compareAndSet(version, write.token), (stored) =>
    Option.isSome(stored) ? saved(source, write, stored.value.version) : superseded(source, write)
  )
}

const attempt = (source: Source, write: PendingWrite): Effect.Effect<void, TokenStoreError> =>
  Effect.flatMap(source.store.compareAndSet(write.expectedVersion, write.token), (stored) =>
    Option.isSome(stored)
      ? saved(source, write, stored.value.version)
      : Effect.flatMap(source.store.get, (record) => resolveConflict(source, write, record))
  )

/** Writes a token unless a refresh replaces it. Without the lock, the write could prevent that of its successor. */
const writeUnderLock = (source: Source, write: PendingWrite): Effect.Effect<void, TokenStoreError> => {
  const unlessReplaced = <E>(effect: Effect.Effect<void, E>) =>
    Effect.suspend(() => (pendingOf(source, write) === undefined ? Effect.void : effect))
  return unlessReplaced(source.store.exclusive(unlessReplaced(attempt(source, write))))
}

/** Writes a token when the scope closes, for a limited time: a process that ends should not wait for a store that hangs. */
const lastWrite = (source: Source, write: PendingWrite): Effect.Effect<void, TokenStoreError> =>
  Effect.timeoutFail(Effect.interruptible(Effect.disconnect(writeUnderLock(source, write))), {
    duration: storeTimeout,
    onTimeout: () => timedOut("storing the newest token", "WriteFailed", storeTimeout)
  })

/** Makes the writer of a source. When the scope closes, it tries a last time to store the token. */
export const make = (source: Source): Effect.Effect<PendingWrites, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { events, persistence, store } = source
    const scope = yield* Effect.scope
    // A forked fiber inherits the interruptibility of its parent. The scope must be able to interrupt it.
    const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkIn(silently(Effect.interruptible(effect)), scope)
    const retry = (write: PendingWrite) =>
      Effect.delay(
        Effect.retry(writeUnderLock(source, write), store.isCluster ? clusterWriteRetries : pendingWriteRetries),
        "1 second"
      )

    const failed = (write: PendingWrite, error: TokenStoreError) =>
      transition(source, write, PersistenceState.writeFailed).pipe(
        Effect.zipRight(fork(retry(write))),
        Effect.zipRight(events.publish("StoreFailed", write.token, error)),
        Effect.zipRight(Effect.logWarning(`${error.message}; the new token serves from memory and is stored later.`))
      )
    const ifUnwritten = (then: (write: PendingWrite) => Effect.Effect<unknown>) =>
      Effect.suspend(() => {
        const state = persistence.current
        return state._tag === "Unwritten" ? Effect.asVoid(then(state.write)) : Effect.void
      })

    yield* Scope.addFinalizer(
      scope,
      Effect.suspend(() => {
        const state = persistence.current
        return state._tag === "Clean" ? Effect.void : lastWrite(source, state.write)
      }).pipe(
        Effect.catchAll((error) => Effect.logError(`${error.message}; the newest token is lost with this process.`))
      )
    )
    return {
      write: ifUnwritten((write) => {
        const writing = attempt(source, write)
        return Effect.catchAll(store.isShared ? Effect.retry(writing, lockedWriteRetries) : writing, (error) =>
          failed(write, error)
        )
      }),
      // In its own fiber, because the lock is not released before the interruption ends.
      writeLater: ifUnwritten((write) => fork(failed(write, interrupted)))
    }
  })

/**
 * Stores the token that was acquired, or the refresh token of a rejected response. The write can be interrupted in an
 * uninterruptible region too, so that its timeouts work.
 */
export const persisting =
  ({ write, writeLater }: PendingWrites): Decorator =>
  (acquire) =>
  (request) =>
    Effect.onInterrupt(
      Effect.tapBoth(acquire(request), {
        onFailure: () => Effect.interruptible(write),
        onSuccess: () => Effect.interruptible(write)
      }),
      () => writeLater
    )
