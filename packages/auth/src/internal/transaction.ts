import type { TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
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

/** Takes over what another process, or an earlier run, has stored: never what is older than what memory holds. */
const adopt = (state: State, stored: Option.Option<TokenStore.Stored>, now: number): Held | undefined => {
  if (Option.isNone(stored)) return undefined
  const { token, version } = stored.value
  if (state.held !== undefined && version <= state.saving.version()) return undefined
  state.saving.adopted(version)
  return Token.isFresh(token, now) ? hold(state, token) : undefined
}

const tooSlow = (after: Duration.Duration) =>
  new TokenError({ reason: "Unavailable", detail: `it took longer than ${Duration.format(after)} to get one` })

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
    return yield* Effect.tapError(mint(state, options, stored), (error) =>
      Effect.sync(() => {
        if (error.reason === "ReauthorizationRequired") state.dead = { error, version }
      })
    )
  })

/** Gets another token than the one in memory: looks into the store, excludes the others, looks again, mints, stores. */
export const transaction = <R>(state: State, options: Options<R>): Effect.Effect<Held, Failure, R> =>
  Effect.gen(function* () {
    const stored = yield* state.store.get(options.key)
    const early = adopt(state, stored, yield* Clock.currentTimeMillis)
    return early ?? (yield* state.store.exclusive(options.key)(replace(state, options)))
  })
