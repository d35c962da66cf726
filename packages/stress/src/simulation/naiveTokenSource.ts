/**
 * A naive token source, which the simulation must catch. It locks, refreshes and saves in the fiber of the caller, which may
 * be interrupted.
 */
import type * as Token from "@countersign/auth/Token"
import type * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Whether a token is valid for at least 30 seconds, or for a tenth of its lifetime if that is shorter. */
export const isFresh = ({ expiresAt, receivedAt }: Token.Token, now: number): boolean =>
  expiresAt === undefined || now < expiresAt - Math.min(30_000, Math.max(0, expiresAt - receivedAt) / 10)

/** Makes a source that loses tokens. */
export const make = ({
  key,
  acquireToken
}: TokenSource.Options): Effect.Effect<TokenSource.Service, never, TokenStore.TokenStore> =>
  Effect.map(TokenStore.TokenStore, (store) => {
    let current: TokenSource.CachedToken | undefined

    const setCurrent = ({ token, version }: TokenStore.VersionedToken): TokenSource.CachedToken =>
      (current = { token, generation: version })

    const refresh = (rejected: string | number | undefined) =>
      Effect.gen(function* () {
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const stored = yield* store.get(key)
        const found = Option.getOrUndefined(stored)
        if (found !== undefined && found.version !== rejected && isFresh(found.token, now)) return setCurrent(found)
        const token = yield* acquireToken(Option.map(stored, ({ token }) => token))
        const saved = yield* store.compareAndSet(key, found?.version ?? 0, token)
        return setCurrent(Option.getOrElse(saved, () => ({ token, version: (found?.version ?? 0) + 1 })))
      }).pipe(store.withLock(key))

    return {
      get: Effect.clockWith((clock) =>
        current !== undefined && isFresh(current.token, clock.unsafeCurrentTimeMillis())
          ? Effect.succeed(current)
          : refresh(undefined)
      ),
      onRejected: (rejected) => Effect.as(refresh(rejected), true),
      onReplayRejected: () => Effect.void
    }
  })
