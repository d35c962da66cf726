/**
 * The token source that everybody writes first, kept as what the simulation must catch: it locks, refreshes and saves
 * in the fiber of whoever needs a token, and that fiber may be interrupted.
 */
import * as Token from "@countersign/auth/Token"
import type * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Makes a source that loses tokens. */
export const make = ({
  key,
  mint
}: TokenSource.Options): Effect.Effect<TokenSource.Service, never, TokenStore.TokenStore> =>
  Effect.map(TokenStore.TokenStore, (store) => {
    let held: TokenSource.Held | undefined

    const hold = ({ token, version }: TokenStore.VersionedToken): TokenSource.Held =>
      (held = { token, generation: version })

    const refresh = (refused: string | number | undefined) =>
      Effect.gen(function* () {
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const stored = yield* store.get(key)
        const found = Option.getOrUndefined(stored)
        if (found !== undefined && found.version !== refused && Token.isFresh(found.token, now)) return hold(found)
        const token = yield* mint(Option.map(stored, ({ token }) => token))
        const saved = yield* store.compareAndSet(key, found?.version ?? 0, token)
        return hold(Option.getOrElse(saved, () => ({ token, version: (found?.version ?? 0) + 1 })))
      }).pipe(store.withLock(key))

    return {
      get: Effect.clockWith((clock) =>
        held !== undefined && Token.isFresh(held.token, clock.unsafeCurrentTimeMillis())
          ? Effect.succeed(held)
          : refresh(undefined)
      ),
      renew: (refused) => Effect.as(refresh(refused), true),
      gaveUp: () => Effect.void
    }
  })
