/** The store as a process uses it: as it is, or as it would be for a client that leaves out a step. */
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** The key of the one account. */
export const key = "account"

/**
 * What is read before the lock is what is refreshed with: whoever held it meanwhile has used that up. The version is the
 * record's own, and nobody is seen to refresh, as it is for a client that writes without asking what is there.
 */
const once = (store: TokenStore.Service): TokenStore.Service => {
  let before: Option.Option<TokenStore.VersionedToken> = Option.none()
  let isWithin = false
  const stale = (now: Option.Option<TokenStore.VersionedToken>): Option.Option<TokenStore.VersionedToken> =>
    Option.map(now, ({ token, version }) => {
      const old = Option.isSome(before) ? before.value.token : token
      return { token: { ...old, refreshingSince: undefined }, version }
    })
  return {
    ...store,
    get: (name) => Effect.map(store.get(name), (now) => (isWithin ? stale(now) : (before = now))),
    withLock: (name) => (effect) =>
      store.withLock(name)(
        Effect.acquireUseRelease(
          Effect.sync(() => (isWithin = true)),
          () => effect,
          () => Effect.sync(() => (isWithin = false))
        )
      )
  }
}

/** What a process may read with: `second` looks again under the lock, `first` goes by what it saw before that. */
export const readers = { second: (store: TokenStore.Service) => store, first: once } as const

/** The name of one. */
export type Reader = keyof typeof readers
