/** The store that a token source saves to: as it is, or with what a careless one does about a disk that refuses. */
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** The key of the one record. */
export const key = "account"

/** What could not be written once is not tried again. */
const givingUp = (store: TokenStore.Service): TokenStore.Service => {
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

/** What could not be written is said to be stored. */
const silent = (store: TokenStore.Service): TokenStore.Service => ({
  ...store,
  compareAndSet: (name, expected, token) =>
    Effect.orElseSucceed(store.compareAndSet(name, expected, token), () =>
      Option.some({ token, version: expected + 1 })
    )
})

/** All, by name. */
export const savers = { ours: (store: TokenStore.Service) => store, givingUp, silent } as const

/** The name of one. */
export type Saver = keyof typeof savers
