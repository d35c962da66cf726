/** The refresh of a token, as a transaction. The file exceeds 300 lines: all steps read and write one state. */
import type { TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { StepUpChallenge } from "../../StepUp.js"
import type { Token } from "../../Token.js"
import type { VersionedToken } from "../../TokenStore.js"
import { silently, step } from "../concurrency/flightProgress.js"
import * as RotatedToken from "../response/rotatedToken.js"
import type { GuardedRecord } from "../store/guardedStore.js"
import type { Telling } from "./eventPublisher.js"
import type { CachedToken, Options } from "./service.js"
import type { Holding } from "./tokenCache.js"
import type { Saving } from "./tokenPersistence.js"

/** What a token source remembers between two transactions. */
export interface State {
  readonly store: GuardedRecord
  readonly saving: Saving
  readonly holding: Holding
  readonly telling: Telling
  /** The refresh token of this version is invalid. It is not sent again until the store has another version. */
  dead: { readonly error: TokenError; readonly version: number } | undefined
  /** The intent of this time is ours. */
  begun: number | undefined
  /** The refresh of this intent is known to have come to nothing. */
  settled: number | undefined
  /** What APIs have demanded of the tokens. */
  demand: StepUpChallenge | undefined
  /** What the token of this generation was got with. */
  met: { readonly generation: number; readonly demand: StepUpChallenge } | undefined
  /** What the authorization server has refused to give, and when. */
  declined: { readonly demand: StepUpChallenge; readonly error: TokenError; readonly at: number } | undefined
}

/** How tokens are got. */
type Minting<R> = Pick<Options<R>, "acquireToken" | "timeout" | "tokenOwner">

type Failure = TokenError | TokenStoreError

const versionOf = (stored: Option.Option<VersionedToken>): number => (Option.isSome(stored) ? stored.value.version : 0)

/**
 * Takes over what another process, or an earlier run, has stored, where it is not what memory is based on. What is about
 * to expire is taken too, to serve while there is no other, but is not enough; nor is the very token that is held, which
 * another process has only marked.
 */
const adopt = (state: State, stored: Option.Option<VersionedToken>): Effect.Effect<Option.Option<CachedToken>> =>
  Effect.gen(function* () {
    const { holding, saving, telling } = state
    if (Option.isNone(stored) || stored.value.version === saving.version()) return Option.none()
    // What is owed to the store is newer than what it holds.
    if (Option.isSome(saving.pending())) return Option.none()
    const { token, version } = stored.value
    saving.adopted(version)
    if (holding.isHeld(token)) return Option.none()
    const held = yield* holding.hold(token)
    yield* telling.tell("LoadedFromStore", token)
    return holding.isFresh(yield* Clock.currentTimeMillis) ? Option.some(held) : Option.none()
  })

/** The error of a request for a token that took too long. */
export const tooSlow = (after: Duration.Duration): TokenError =>
  new TokenError({
    reason: "Unavailable",
    sent: "maybe",
    detail: `it took longer than ${Duration.format(after)} to get one`
  })

const interrupted = new TokenError({
  reason: "Unavailable",
  sent: "maybe",
  detail: "getting one was interrupted from within"
})

/** One try, bounded in time. */
const attempt = <R>(
  options: Minting<R>,
  previous: Option.Option<Token>,
  demand: StepUpChallenge | undefined
): Effect.Effect<Token, TokenError, R> => {
  const patience = Duration.decode(options.timeout ?? "20 seconds")
  const bounded = Effect.timeoutFail(silently(options.acquireToken(previous, demand)), {
    duration: patience,
    onTimeout: () => tooSlow(patience)
  })
  return step(bounded, Duration.toMillis(patience)).pipe(
    // The waiting callers were not interrupted, so they get an error instead of an interruption.
    Effect.catchSomeCause((cause) =>
      Cause.isInterruptedOnly(cause) ? Option.some(Effect.fail(interrupted)) : Option.none()
    )
  )
}

/** What a refresh begins with: the token there was, the version of its record, and whether it was begun before. */
interface Refresh {
  readonly previous: Option.Option<Token>
  readonly expected: number
  readonly begunBefore: boolean
}

/**
 * Wait for a process that wrote an intent, holds no lock, and has not stored the outcome. It has exited, or its write
 * failed and is tried again. Servers that accept a second use of a refresh token do so for longer, some for only ten
 * seconds.
 */
const graceMs = 4_000

const overtaken = new TokenError({
  reason: "Unavailable",
  sent: "no",
  detail: "another process has changed the record without taking the lock: it is read again by the next attempt"
})

/** The error if another process started the refresh, and may still store its outcome. */
const unsettled = (state: State, since: number, now: number): TokenError | undefined =>
  state.store.isShared && now >= since && now < since + graceMs
    ? new TokenError({
        reason: "Unavailable",
        sent: "no",
        retryAt: since + graceMs,
        detail: "another process has begun to refresh it and has not stored the outcome: it may do so in a moment"
      })
    : undefined

/**
 * Writes the intent to send a refresh token. A process that finds an intent without an outcome knows that the refresh token
 * may be used up. If the intent cannot be written, the new token could not be stored either. The refresh token is then not
 * sent, unless the record is not shared, or memory has a newer token already.
 */
const begin = (state: State, stored: Option.Option<VersionedToken>): Effect.Effect<Refresh, Failure> =>
  Effect.gen(function* () {
    const version = versionOf(stored)
    // The record was removed by a sign-out, so the unsaved token is discarded.
    if (version === 0 && state.saving.version() > 0) state.saving.forget()
    const pending = state.saving.pending()
    const previous = Option.orElse(pending, () => Option.map(stored, ({ token }) => token))
    const token = Option.getOrUndefined(previous)
    if (token?.refreshToken === undefined) return { previous, expected: version, begunBefore: false }
    const now = yield* Clock.currentTimeMillis
    if (token.refreshStartedAt !== undefined) {
      const since = token.refreshStartedAt
      const error = state.begun === since ? undefined : unsettled(state, since, now)
      if (error !== undefined) return yield* Effect.fail(error)
      return { previous, expected: version, begunBefore: state.settled !== since }
    }
    state.begun = now
    const written = yield* Effect.either(state.store.compareAndSet(version, { ...token, refreshStartedAt: now }))
    if (Either.isLeft(written)) yield* state.telling.tell("StoreFailed", token, written.left)
    if (Either.isLeft(written) && state.store.isShared && Option.isNone(pending))
      return yield* Effect.fail(written.left)
    if (Either.isLeft(written)) return { previous, expected: version, begunBefore: false }
    if (Option.isNone(written.right)) return yield* Effect.fail(overtaken)
    const expected = written.right.value.version
    state.saving.adopted(expected)
    return { previous, expected, begunBefore: false }
  })

/** If it is unknown whether the server processed a refresh, the same refresh token is sent once more, but not twice. */
const mint = <R>(
  state: State,
  options: Minting<R>,
  { begunBefore, previous }: Refresh,
  demand: StepUpChallenge | undefined
): Effect.Effect<Token, TokenError, R> => {
  const old = Option.getOrUndefined(previous)
  const replaying = state.telling.tell("RefreshRetried", old)
  const once = attempt(options, previous, demand)
  if (old?.refreshToken === undefined) return once
  if (begunBefore) return Effect.zipRight(replaying, once)
  return Effect.catchIf(
    once,
    ({ sent }) => sent === "maybe",
    () => Effect.zipRight(replaying, once)
  )
}

/** Runs under the lock. Another process may have refreshed meanwhile, or the refresh token may be known to be invalid. */
const replace = <R>(state: State, options: Minting<R>): Effect.Effect<CachedToken, Failure, R> =>
  Effect.gen(function* () {
    const stored = yield* state.store.get
    const adopted = yield* adopt(state, stored)
    if (Option.isSome(adopted)) return adopted.value
    if (state.dead?.version === versionOf(stored)) return yield* Effect.fail(state.dead.error)
    const refresh = yield* begin(state, stored)
    return yield* mintAndStore(state, options, refresh, state.demand)
  })

/** An interruption ends the request for a token. It does not lose a token that has arrived. */
const mintAndStore = <R>(
  state: State,
  options: Minting<R>,
  refresh: Refresh,
  demand: StepUpChallenge | undefined
): Effect.Effect<CachedToken, Failure, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const minted = yield* Effect.either(restore(mint(state, options, refresh, demand)))
      if (Either.isLeft(minted)) {
        yield* keepRotated(state, options, refresh, minted.left)
        return yield* restore(failed(state, refresh, minted.left, demand))
      }
      const token: Token = {
        ...minted.right,
        owner: options.tokenOwner ?? minted.right.owner,
        refreshStartedAt: undefined
      }
      // In memory first: a full disk must not lose the new token, because the old one is already invalid.
      const held = yield* state.holding.hold(token)
      if (demand !== undefined) state.met = { generation: held.generation, demand }
      const refreshed = Option.exists(refresh.previous, ({ refreshToken }) => refreshToken !== undefined)
      const told = state.telling.tell(refreshed ? "Refreshed" : "Acquired", token)
      yield* state.saving.save(token, refresh.expected, Option.getOrUndefined(refresh.previous), told)
      return held
    })
  )

/** A response that was rejected may have brought a new refresh token. It is stored, since the old one is void. */
const keepRotated = <R>(
  { saving }: State,
  { tokenOwner }: Minting<R>,
  { expected, previous }: Refresh,
  error: TokenError
): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const old = Option.getOrUndefined(previous)
    const token = RotatedToken.tokenOf(error, old, now)
    return token === undefined
      ? Effect.void
      : saving.save({ ...token, owner: tokenOwner ?? token.owner }, expected, old)
  })

/**
 * On `ReauthorizationRequired`, reads the store again: another process may have refreshed without the lock, and stored a
 * new refresh token. If the record is unchanged, the refresh token is invalid.
 */
const failed = (
  state: State,
  { expected }: Refresh,
  error: TokenError,
  demand: StepUpChallenge | undefined
): Effect.Effect<CachedToken, Failure> =>
  Effect.gen(function* () {
    if (demand !== undefined) {
      // What meets no demand serves elsewhere: to go on asking for this could end in nothing at all. Something in between
      // that does not like a long request looks like a server that is not there.
      const isUnmet = state.met?.demand !== demand
      const isDeclined = error.reason !== "Unavailable"
      if (isUnmet) state.demand = state.met?.demand
      else if (isDeclined) state.demand = state.met = undefined
      if (isDeclined) state.declined = { demand, error, at: yield* Clock.currentTimeMillis }
    }
    if (error.reason !== "ReauthorizationRequired") {
      state.settled = error.sent === "maybe" ? undefined : state.begun
      return yield* Effect.fail(error)
    }
    const stored = yield* Effect.option(state.store.get)
    const now = Option.getOrElse(stored, () => Option.none<VersionedToken>())
    const adopted = yield* adopt(state, now)
    if (Option.isSome(adopted)) return adopted.value
    // Asked for less, the server may give what there was before.
    const isDead = demand === undefined && (Option.isNone(stored) || versionOf(now) === expected)
    if (isDead) state.dead = { error, version: expected }
    return yield* Effect.fail(error)
  })

/** Gets another token than the one in memory: looks into the store, excludes the others, looks again, mints, stores. */
const another = <R>(state: State, options: Minting<R>): Effect.Effect<CachedToken, Failure, R> =>
  Effect.gen(function* () {
    const stored = yield* state.store.get
    const early = yield* adopt(state, stored)
    if (Option.isSome(early)) return early.value
    // The record is unchanged since then, so there was no new sign-in. This check needs no lock.
    if (state.dead?.version === versionOf(stored)) return yield* Effect.fail(state.dead.error)
    return yield* state.store.exclusive(replace(state, options))
  })

/** Loads another token from the store, if there is one. Sends no token request. */
export const look = (state: State): Effect.Effect<void, TokenStoreError> =>
  Effect.suspend(() => {
    const { held } = state.holding
    // The store may have been slow. A token that was acquired meanwhile is newer than its result.
    return Effect.flatMap(state.store.get, (stored) =>
      state.holding.held === held ? Effect.asVoid(adopt(state, stored)) : Effect.void
    )
  })

/** {@link another}, and what is to be remembered when there is none. */
export const transaction = <R>(state: State, options: Minting<R>): Effect.Effect<CachedToken, Failure, R> => {
  // A refresh token that is dead is the same news each time.
  let told: Failure | undefined
  return Effect.tapErrorCause(another(state, options), (cause) => {
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    const { held } = state.holding
    // That more is refused says nothing about what there was before.
    state.holding.failed(error === state.declined?.error ? undefined : error)
    const serves = "; the old one serves until it expires."
    const isKnown = error === told && error === state.dead?.error
    told = error
    const said =
      held !== undefined && error !== undefined && !isKnown ? Effect.logWarning(error.message + serves) : Effect.void
    return Effect.zipRight(state.telling.tell("RefreshFailed", held?.token, error), said)
  })
}
