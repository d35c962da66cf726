/** Stores for a process: our store, and one that omits a step. */
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Reads the token before the lock and refreshes with it, although another process may have used it meanwhile. The version is
 * current, and `refreshStartedAt` is hidden, as for a client that writes without reading again.
 */
const readBeforeLock = (store: TokenStore.Service): TokenStore.Service => {
  let before: Option.Option<TokenStore.VersionedToken> = Option.none()
  let isLocked = false
  const stale = (now: Option.Option<TokenStore.VersionedToken>): Option.Option<TokenStore.VersionedToken> =>
    Option.map(now, ({ token, version }) => {
      const old = Option.isSome(before) ? before.value.token : token
      return { token: { ...old, refreshStartedAt: undefined }, version }
    })
  return {
    ...store,
    get: (name) => Effect.map(store.get(name), (now) => (isLocked ? stale(now) : (before = now))),
    withLock: (name) => (effect) =>
      store.withLock(name)(
        Effect.acquireUseRelease(
          Effect.sync(() => (isLocked = true)),
          () => effect,
          () => Effect.sync(() => (isLocked = false))
        )
      )
  }
}

/** `second` reads again while it holds the lock. `first` uses the token that was read before. */
export const readers = { second: (store: TokenStore.Service) => store, first: readBeforeLock } as const

/** Name of a variant. */
export type Reader = keyof typeof readers
