import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/client/Errors"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type { ConfigError } from "effect/ConfigError"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

/** A service that work under a lock might ask for. */
interface Vault {
  readonly _: unique symbol
}

type Work = Effect.Effect<"done", "no", Vault>
type LayerOf<A, E = never, R = never> = Layer.Layer<A, E, R>

describe("types", () => {
  it("locks need nothing, and making them cannot fail", () => {
    expectTypeOf<Context.Tag.Service<ProcessLock.ProcessLock>>().toEqualTypeOf<ProcessLock.Service>()
    expectTypeOf(ProcessLock.make).returns.toEqualTypeOf<Effect.Effect<ProcessLock.Service>>()
    expectTypeOf(ProcessLock.fromContext).returns.toEqualTypeOf<Effect.Effect<ProcessLock.Service>>()
    expectTypeOf(ProcessLock.layer).returns.toEqualTypeOf<LayerOf<ProcessLock.ProcessLock>>()
    expectTypeOf(ProcessLock.layerMemory).toEqualTypeOf<LayerOf<ProcessLock.ProcessLock>>()
  })

  it("a lock adds its own error to those of the work, and nothing to what the work needs", () => {
    const locked = (locks: ProcessLock.Service, work: Work) => locks.withLock("app.lock")(work)
    expectTypeOf(locked).returns.toEqualTypeOf<Effect.Effect<"done", "no" | TokenStoreError, Vault>>()
  })

  it("stores need no lock in their context", () => {
    expectTypeOf(FileTokenStore.make).returns.toEqualTypeOf<Effect.Effect<TokenStore.Service, TokenStoreError>>()
    expectTypeOf(FileTokenStore.layer).returns.toEqualTypeOf<LayerOf<TokenStore.TokenStore, TokenStoreError>>()
    expectTypeOf(FileTokenStore.layerConfig).returns.toEqualTypeOf<
      LayerOf<TokenStore.TokenStore, TokenStoreError | ConfigError>
    >()
    expectTypeOf(KeychainTokenStore.make).returns.toEqualTypeOf<Effect.Effect<TokenStore.Service, TokenStoreError>>()
    expectTypeOf(KeychainTokenStore.layer).returns.toEqualTypeOf<LayerOf<TokenStore.TokenStore, TokenStoreError>>()
  })
})
