import * as TokenStore from "@countersign/auth/TokenStore"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

TokenStoreContract.register(
  { describe, it },
  "the store in memory",
  TokenStoreContract.fromLayer(TokenStore.layerMemory)
)

describe("TokenStore.layerMemory", () => {
  it.effect("has the lockScope process and builds a new store for each Layer", () =>
    Effect.gen(function* () {
      const one = yield* Effect.provide(TokenStore.TokenStore, TokenStore.layerMemory)
      const other = yield* Effect.provide(TokenStore.TokenStore, TokenStore.layerMemory)
      expect(one.lockScope).toBe("process")
      expect(one).not.toBe(other)
    })
  )
})
