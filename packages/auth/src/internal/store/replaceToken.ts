import { TokenStoreError } from "../../Errors.js"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TokenOwner, Token } from "../../Token.js"
import * as TokenStore from "../../TokenStore.js"
import * as GuardedStore from "./guardedStore.js"

/** Maximum number of attempts, for a store with other writers that do not take the lock. */
const maxAttempts = 3

const tooManyConflicts = new TokenStoreError({
  reason: "WriteFailed",
  detail: "the record was not written: another process changed it during each attempt. Try again"
})

/** Replaces the stored token while no refresh runs. */
export const put = (key: string, token: Token): Effect.Effect<void, TokenStoreError, TokenStore.TokenStore> =>
  Effect.flatMap(TokenStore.TokenStore, (store) => {
    const record = GuardedStore.make(store, key, token.owner)
    const once = (left: number): Effect.Effect<void, TokenStoreError> =>
      Effect.gen(function* () {
        const before = Option.match(yield* record.get, { onNone: () => 0, onSome: ({ version }) => version })
        if (Option.isSome(yield* record.compareAndSet(before, token))) return
        return yield* left > 1 ? once(left - 1) : tooManyConflicts
      })
    return record.exclusive(once(maxAttempts))
  })

/** Removes the stored token while no refresh runs, and returns it. */
export const take = (
  key: string,
  issued: TokenOwner
): Effect.Effect<Option.Option<Token>, TokenStoreError, TokenStore.TokenStore> =>
  Effect.flatMap(TokenStore.TokenStore, (store) => {
    const record = GuardedStore.make(store, key, issued)
    const once = (left: number): Effect.Effect<Option.Option<Token>, TokenStoreError> =>
      Effect.gen(function* () {
        const stored = yield* record.get
        if (Option.isNone(stored)) return Option.none()
        if (yield* record.remove(stored.value.version)) return Option.some(stored.value.token)
        return yield* left > 1 ? once(left - 1) : tooManyConflicts
      })
    return record.exclusive(once(maxAttempts))
  })
