import { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TokenOwner, Token } from "../../Token.js"
import * as TokenStore from "../../TokenStore.js"
import * as Guarded from "./guardedStore.js"

/** A store that others write to without taking turns is asked this often. */
const tries = 3

const crowded = new TokenStoreError({
  reason: "WriteFailed",
  detail: "somebody else wrote to the record each time: try again"
})

/** Stores a token in the place of what is there, while nobody refreshes that. */
export const put = (key: string, token: Token): Effect.Effect<void, TokenStoreError, TokenStore.TokenStore> =>
  Effect.flatMap(TokenStore.TokenStore, (store) => {
    const record = Guarded.make(store, key, token.owner)
    const once = (left: number): Effect.Effect<void, TokenStoreError> =>
      Effect.gen(function* () {
        const before = Option.match(yield* record.get, { onNone: () => 0, onSome: ({ version }) => version })
        if (Option.isSome(yield* record.compareAndSet(before, token))) return
        return yield* left > 1 ? once(left - 1) : crowded
      })
    return record.exclusive(once(tries))
  })

/** Takes the record out, while nobody refreshes it, and gives what it was. */
export const take = (
  key: string,
  issued: TokenOwner
): Effect.Effect<Option.Option<Token>, TokenStoreError, TokenStore.TokenStore> =>
  Effect.flatMap(TokenStore.TokenStore, (store) => {
    const record = Guarded.make(store, key, issued)
    const once = (left: number): Effect.Effect<Option.Option<Token>, TokenStoreError> =>
      Effect.gen(function* () {
        const stored = yield* record.get
        if (Option.isNone(stored)) return Option.none()
        if (yield* record.remove(stored.value.version)) return Option.some(stored.value.token)
        return yield* left > 1 ? once(left - 1) : crowded
      })
    return record.exclusive(once(tries))
  })
