/** Stores for a token source: our store, and faulty ones for a failing disk. */
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Key of the only record. */
export const key = "account"

/** Never retries a failed write. */
const neverRetries = (store: TokenStore.Service): TokenStore.Service => {
  let failed: TokenStoreError | undefined
  return {
    ...store,
    compareAndSet: (name, expected, token) =>
      Effect.suspend(() =>
        failed === undefined
          ? Effect.tapError(store.compareAndSet(name, expected, token), (error) => Effect.sync(() => (failed = error)))
          : Effect.fail(failed)
      )
  }
}

/** Reports failed writes as stored. */
const hidesFailures = (store: TokenStore.Service): TokenStore.Service => ({
  ...store,
  compareAndSet: (name, expected, token) =>
    Effect.orElseSucceed(store.compareAndSet(name, expected, token), () =>
      Option.some({ token, version: expected + 1 })
    )
})

/** Store variants by name. */
export const storeVariants = { ours: (store: TokenStore.Service) => store, neverRetries, hidesFailures } as const

/** Name of a variant. */
export type StoreVariant = keyof typeof storeVariants
