import type { TokenError, TokenStoreError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { StepUpChallenge } from "../../StepUp.js"
import type { Token } from "../../Token.js"
import type { VersionedToken } from "../../TokenStore.js"
import type { GuardedRecord } from "../store/guardedStore.js"
import type { EventPublisher } from "./eventPublisher.js"
import * as Intent from "./intent.js"
import type { Awaited } from "./observation.js"
import * as PersistenceState from "./persistenceState.js"
import * as RefreshState from "./refreshState.js"
import type { Windows } from "./refreshWindow.js"
import { lifetimeOf } from "./refreshWindow.js"
import * as StepUpState from "./stepUpState.js"
import * as TokenCache from "./tokenCache.js"
import { WallClock } from "./wallClock.js"

/** The parts of a token source. Each state machine has one cell, and only its transitions write it. */
export interface Source {
  readonly cache: MutableRef.MutableRef<TokenCache.TokenCache>
  readonly refresh: MutableRef.MutableRef<RefreshState.RefreshState>
  readonly persistence: MutableRef.MutableRef<PersistenceState.PersistenceState>
  readonly stepUp: MutableRef.MutableRef<StepUpState.StepUpState>
  /** The unfinished refresh of another process, in a store that several machines share. */
  readonly observation: MutableRef.MutableRef<Awaited | undefined>
  readonly clock: WallClock
  readonly store: GuardedRecord
  readonly events: EventPublisher
  readonly windows: Windows
}

export const make = (parts: Pick<Source, "store" | "events" | "windows">): Effect.Effect<Source> =>
  Effect.map(Effect.clock, (clock) => ({
    ...parts,
    cache: MutableRef.make<TokenCache.TokenCache>(TokenCache.empty),
    refresh: MutableRef.make<RefreshState.RefreshState>(RefreshState.idle),
    persistence: MutableRef.make<PersistenceState.PersistenceState>(PersistenceState.initial),
    stepUp: MutableRef.make<StepUpState.StepUpState>(StepUpState.none),
    observation: MutableRef.make<Awaited | undefined>(undefined),
    clock: new WallClock(clock)
  }))

/** A refresh that was given up may end while no refresh, or another one, is in progress. */
export const whileInProgress = (
  { refresh }: Source,
  transition: (state: RefreshState.InProgress) => RefreshState.RefreshState
): void => {
  if (refresh.current._tag === "InProgress") refresh.current = transition(refresh.current)
}

/** Puts a token into the cache, and forgets earlier failures. */
export const setToken = ({ cache, clock, refresh, windows }: Source, token: Token): Effect.Effect<TokenCache.Loaded> =>
  Effect.map(Random.next, (random) => {
    const now = clock.restart()
    const loaded = TokenCache.set(cache.current, token, lifetimeOf(token, now, windows, random), now)
    cache.current = loaded
    refresh.current = RefreshState.tokenCached(refresh.current)
    return loaded
  })

/**
 * Puts the token of a record into the cache, if another process or an earlier run has stored it. Returns it if callers need
 * no newer one. A token that expires soon is returned only while no other is available.
 */
export const load = (source: Source, record: Option.Option<VersionedToken>): Effect.Effect<Option.Option<Token>> =>
  Effect.suspend(() => {
    const state = source.persistence.current
    // A token that is not stored yet is newer than the record.
    if (Option.isNone(record) || state._tag !== "Clean" || record.value.version === state.version)
      return Effect.succeedNone
    const { token, version } = record.value
    source.persistence.current = PersistenceState.loaded(state, version)
    // The record has only changed its `refreshStartedAt`.
    if (TokenCache.has(source.cache.current, token)) return Effect.succeedNone
    return Effect.zipRight(
      Effect.zipRight(setToken(source, token), source.events.publish("LoadedFromStore", token)),
      Effect.map(source.clock.now, (now) =>
        TokenCache.isFresh(TokenCache.at(source.cache.current, now)) ? Option.some(token) : Option.none()
      )
    )
  })

/** The record of this source is not there any more. That is a sign-out, so a token in memory is not refreshed. */
export const forgetRecord = ({ cache, events, persistence }: Source): Effect.Effect<void> =>
  Effect.suspend(() => {
    persistence.current = PersistenceState.removed(persistence.current)
    return events.publish("RecordGone", TokenCache.cachedOf(cache.current)?.token)
  })

/** Loads another token from the store, if there is one. Sends no token request. */
export const reload = (source: Source): Effect.Effect<void, TokenStoreError> =>
  Effect.suspend(() => {
    const { cache, store } = source
    const before = TokenCache.cachedOf(cache.current)?.generation
    // The store may have been slow. A token that was acquired meanwhile is newer than its record.
    return Effect.flatMap(store.get, (record) =>
      TokenCache.cachedOf(cache.current)?.generation === before ? Effect.asVoid(load(source, record)) : Effect.void
    )
  })

/** A refresh. Each decorator adds what it has found out, and passes the request on. */
export interface RefreshRequest {
  /** The record of the store. */
  readonly record: Option.Option<VersionedToken>
  /** How long the read of the record took, in milliseconds. */
  readonly readMs: number
  /** The token to refresh: that of the record, or a newer one that is not stored yet. */
  readonly previous: Option.Option<Token>
  /** The version of the record that the new token replaces. */
  readonly version: number
  /** The unfinished refresh that the record had. */
  readonly intent: Intent.Intent
  /** The step-up challenges that the new token has to satisfy. */
  readonly challenge: StepUpChallenge | undefined
}

/** Acquires a token. */
export type Acquire<R> = (request: RefreshRequest) => Effect.Effect<Token, TokenError | TokenStoreError, R>

/** Adds one concern to an {@link Acquire}. */
export type Decorator = <R>(acquire: Acquire<R>) => Acquire<R>

/** A refresh before anything was read. */
export const initial: RefreshRequest = {
  record: Option.none(),
  readMs: 0,
  previous: Option.none(),
  version: 0,
  intent: Intent.none,
  challenge: undefined
}

/** The version of a record, or 0 without a record. */
export const versionOf = (record: Option.Option<VersionedToken>): number =>
  Option.isSome(record) ? record.value.version : 0
