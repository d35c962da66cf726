import type { TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Token from "../Token.js"
import type { Held, Options } from "../TokenSource.js"
import type * as TokenStore from "../TokenStore.js"
import type { Saving } from "./saving.js"

/** What a token source remembers between two transactions. */
export interface State {
  readonly store: TokenStore.Service
  readonly saving: Saving
  held: Held | undefined
  /** The refresh token of this version was refused for good: nobody asks again until the store has another. */
  dead: { readonly error: TokenError; readonly version: number } | undefined
}

type Failure = TokenError | TokenStoreError

const versionOf = (stored: Option.Option<TokenStore.Stored>): number =>
  Option.isSome(stored) ? stored.value.version : 0

const hold = (state: State, token: Token.Token): Held =>
  (state.held = { token, generation: (state.held?.generation ?? 0) + 1 })

/**
 * Takes over what another process, or an earlier run, has stored: never what is older than what memory holds. What is
 * about to expire is taken too, to serve while there is no other, but is not enough.
 */
const adopt = (state: State, stored: Option.Option<TokenStore.Stored>, now: number): Held | undefined => {
  if (Option.isNone(stored)) return undefined
  const { token, version } = stored.value
  if (state.held !== undefined && version <= state.saving.version()) return undefined
  state.saving.adopted(version)
  const held = hold(state, token)
  return Token.isFresh(token, now) ? held : undefined
}

const tooSlow = (after: Duration.Duration) =>
  new TokenError({ reason: "Unavailable", detail: `it took longer than ${Duration.format(after)} to get one` })

const interrupted = new TokenError({ reason: "Unavailable", detail: "getting one was interrupted from within" })

const mint = <R>(
  state: State,
  options: Options<R>,
  stored: Option.Option<TokenStore.Stored>
): Effect.Effect<Held, TokenError, R> => {
  const patience = Duration.decode(options.timeout ?? "20 seconds")
  // What memory holds is newer than what the store holds only while it could not be stored.
  const previous = state.saving.pending().pipe(
    Option.orElse(() => Option.map(stored, ({ token }) => token)),
    Option.orElse(() => Option.fromNullable(state.held?.token))
  )
  return options.mint(previous).pipe(
    Effect.timeoutFail({ duration: patience, onTimeout: () => tooSlow(patience) }),
    // Those who wait were not interrupted, and must not look as if they had been.
    Effect.catchSomeCause((cause) =>
      Cause.isInterruptedOnly(cause) ? Option.some(Effect.fail(interrupted)) : Option.none()
    ),
    Effect.map((token) => hold(state, token)),
    // In memory first: a full disk must not cost a token whose predecessor is already void.
    Effect.tap(({ token }) => state.saving.save(token, versionOf(stored)))
  )
}

/** With everybody else excluded: somebody may have been faster, or the refresh token may be known to be dead. */
const replace = <R>(state: State, options: Options<R>): Effect.Effect<Held, Failure, R> =>
  Effect.gen(function* () {
    const stored = yield* state.store.get(options.key)
    const adopted = adopt(state, stored, yield* Clock.currentTimeMillis)
    if (adopted !== undefined) return adopted
    const version = versionOf(stored)
    if (state.dead?.version === version) return yield* Effect.fail(state.dead.error)
    return yield* Effect.catchIf(
      mint(state, options, stored),
      ({ reason }) => reason === "ReauthorizationRequired",
      (error) => outrun(state, options.key, stored, error)
    )
  })

/** Who refreshed beside the lock has made our refresh token void, and stored another; if nobody did, ours is dead. */
const outrun = (
  state: State,
  key: string,
  before: Option.Option<TokenStore.Stored>,
  error: TokenError
): Effect.Effect<Held, Failure> =>
  Effect.gen(function* () {
    const stored = yield* Effect.orElseSucceed(state.store.get(key), () => before)
    const adopted = adopt(state, stored, yield* Clock.currentTimeMillis)
    if (adopted !== undefined) return adopted
    const version = versionOf(stored)
    if (version === versionOf(before)) state.dead = { error, version }
    return yield* Effect.fail(error)
  })

/** Gets another token than the one in memory: looks into the store, excludes the others, looks again, mints, stores. */
export const transaction = <R>(state: State, options: Options<R>): Effect.Effect<Held, Failure, R> =>
  Effect.gen(function* () {
    const stored = yield* state.store.get(options.key)
    const early = adopt(state, stored, yield* Clock.currentTimeMillis)
    return early ?? (yield* state.store.exclusive(options.key)(replace(state, options)))
  })
