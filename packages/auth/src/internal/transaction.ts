import type { TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Token } from "../Token.js"
import type { Held, Options } from "../TokenSource.js"
import type { Stored } from "../TokenStore.js"
import type { Guarded } from "./guarded.js"
import type { Holding } from "./holding.js"
import type { Saving } from "./saving.js"
import type { Telling } from "./telling.js"

/** What a token source remembers between two transactions. */
export interface State {
  readonly store: Guarded
  readonly saving: Saving
  readonly holding: Holding
  readonly telling: Telling
  /** The refresh token of this version was refused for good: nobody asks again until the store has another. */
  dead: { readonly error: TokenError; readonly version: number } | undefined
  /** The intent of this version is ours, and its refresh is known to have come to nothing. */
  settled: number | undefined
}

/** How tokens are got. */
type Minting<R> = Pick<Options<R>, "mint" | "timeout" | "issued">

type Failure = TokenError | TokenStoreError

const versionOf = (stored: Option.Option<Stored>): number => (Option.isSome(stored) ? stored.value.version : 0)

/**
 * Takes over what another process, or an earlier run, has stored, where it is not what memory is based on. What is about
 * to expire is taken too, to serve while there is no other, but is not enough; nor is the very token that is held, which
 * another process has only marked.
 */
const adopt = (state: State, stored: Option.Option<Stored>): Effect.Effect<Option.Option<Held>> =>
  Effect.gen(function* () {
    const { holding, saving, telling } = state
    if (Option.isNone(stored) || stored.value.version === saving.version()) return Option.none()
    // What is owed to the store is newer than what it holds.
    if (Option.isSome(saving.pending())) return Option.none()
    const { token, version } = stored.value
    saving.adopted(version)
    if (holding.isHeld(token)) return Option.none()
    const held = yield* holding.hold(token)
    yield* telling.tell("Adopted", token)
    return holding.isFresh(yield* Clock.currentTimeMillis) ? Option.some(held) : Option.none()
  })

const tooSlow = (after: Duration.Duration) =>
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
const attempt = <R>(options: Minting<R>, previous: Option.Option<Token>): Effect.Effect<Token, TokenError, R> => {
  const patience = Duration.decode(options.timeout ?? "20 seconds")
  return options.mint(previous).pipe(
    Effect.timeoutFail({ duration: patience, onTimeout: () => tooSlow(patience) }),
    // Those who wait were not interrupted, and must not look as if they had been.
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
 * Writes down that a refresh token is about to be sent: whoever finds that, and no end of it, knows that it may have been
 * used up. A store that cannot take it has said so; a token that cannot be stored is better than none.
 */
const begin = (state: State, stored: Option.Option<Stored>): Effect.Effect<Refresh> =>
  Effect.gen(function* () {
    const version = versionOf(stored)
    const previous = Option.orElse(state.saving.pending(), () => Option.map(stored, ({ token }) => token))
    const token = Option.getOrUndefined(previous)
    if (token?.refreshToken === undefined) return { previous, expected: version, begunBefore: false }
    const begunBefore = token.refreshingSince !== undefined && state.settled !== version
    if (token.refreshingSince !== undefined) return { previous, expected: version, begunBefore }
    const refreshingSince = yield* Clock.currentTimeMillis
    const written = yield* state.store.compareAndSet(version, { ...token, refreshingSince }).pipe(
      Effect.map(Option.map(versionOfRecord)),
      Effect.catchAll((error) => Effect.as(state.telling.tell("SaveFailed", token, error), Option.none<number>()))
    )
    const expected = Option.getOrElse(written, () => version)
    if (Option.isSome(written)) state.saving.adopted(expected)
    return { previous, expected, begunBefore }
  })

const versionOfRecord = ({ version }: Stored): number => version

/** Of a refresh nobody knows whether it was carried out: the same refresh token is sent once more, and not again. */
const mint = <R>(
  state: State,
  options: Minting<R>,
  { begunBefore, previous }: Refresh
): Effect.Effect<Token, TokenError, R> => {
  const old = Option.getOrUndefined(previous)
  const replaying = state.telling.tell("Replayed", old)
  const once = attempt(options, previous)
  if (old?.refreshToken === undefined) return once
  if (begunBefore) return Effect.zipRight(replaying, once)
  return Effect.catchIf(
    once,
    ({ sent }) => sent === "maybe",
    () => Effect.zipRight(replaying, once)
  )
}

/** With everybody else excluded: somebody may have been faster, or the refresh token may be known to be dead. */
const replace = <R>(state: State, options: Minting<R>): Effect.Effect<Held, Failure, R> =>
  Effect.gen(function* () {
    const stored = yield* state.store.get
    const adopted = yield* adopt(state, stored)
    if (Option.isSome(adopted)) return adopted.value
    if (state.dead?.version === versionOf(stored)) return yield* Effect.fail(state.dead.error)
    const refresh = yield* begin(state, stored)
    const minted = yield* Effect.either(mint(state, options, refresh))
    if (minted._tag === "Left") return yield* failed(state, refresh, minted.left)
    const token: Token = { ...minted.right, issued: options.issued ?? minted.right.issued, refreshingSince: undefined }
    // In memory first: a full disk must not cost a token whose predecessor is already void.
    const held = yield* state.holding.hold(token)
    const refreshed = Option.exists(refresh.previous, ({ refreshToken }) => refreshToken !== undefined)
    yield* state.telling.tell(refreshed ? "Refreshed" : "Minted", token)
    yield* state.saving.save(token, refresh.expected, Option.getOrUndefined(refresh.previous))
    return held
  })

/**
 * Who refreshed beside the lock has made our refresh token void, and stored another; if nobody did, ours is dead.
 */
const failed = (state: State, { expected }: Refresh, error: TokenError): Effect.Effect<Held, Failure> =>
  Effect.gen(function* () {
    if (error.reason !== "ReauthorizationRequired") {
      state.settled = error.sent === "maybe" ? undefined : expected
      return yield* Effect.fail(error)
    }
    const stored = yield* Effect.option(state.store.get)
    const now = Option.getOrElse(stored, () => Option.none<Stored>())
    const adopted = yield* adopt(state, now)
    if (Option.isSome(adopted)) return adopted.value
    if (Option.isNone(stored) || versionOf(now) === expected) state.dead = { error, version: expected }
    return yield* Effect.fail(error)
  })

/** Gets another token than the one in memory: looks into the store, excludes the others, looks again, mints, stores. */
const another = <R>(state: State, options: Minting<R>): Effect.Effect<Held, Failure, R> =>
  Effect.gen(function* () {
    const stored = yield* state.store.get
    const early = yield* adopt(state, stored)
    if (Option.isSome(early)) return early.value
    // Nobody has signed in since: that is known without a lock.
    if (state.dead?.version === versionOf(stored)) return yield* Effect.fail(state.dead.error)
    return yield* state.store.exclusive(replace(state, options))
  })

/** {@link another}, and what is to be remembered when there is none. */
export const transaction = <R>(state: State, options: Minting<R>): Effect.Effect<Held, Failure, R> =>
  Effect.tapErrorCause(another(state, options), (cause) => {
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    const { held } = state.holding
    state.holding.failed(error)
    const serves = "; the old one serves until it expires."
    const said = held === undefined || error === undefined ? Effect.void : Effect.logWarning(error.message + serves)
    return Effect.zipRight(state.telling.tell("Failed", held?.token, error), said)
  })
