import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as ProcessLock from "@countersign/node/ProcessLock"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type { ConfigError } from "effect/ConfigError"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

/** A service that work under a lock may require. */
interface Vault {
  readonly _: unique symbol
}

type Work = Effect.Effect<"done", "no", Vault>
type LayerOf<A, E = never, R = never> = Layer.Layer<A, E, R>

describe("types", () => {
  it("makes locks without requirements and errors", () => {
    expectTypeOf<Context.Tag.Service<ProcessLock.ProcessLock>>().toEqualTypeOf<ProcessLock.Service>()
    expectTypeOf(ProcessLock.make).returns.toEqualTypeOf<Effect.Effect<ProcessLock.Service>>()
    expectTypeOf(ProcessLock.fromContext).returns.toEqualTypeOf<Effect.Effect<ProcessLock.Service>>()
    expectTypeOf(ProcessLock.layer).returns.toEqualTypeOf<LayerOf<ProcessLock.ProcessLock>>()
    expectTypeOf(ProcessLock.layerMemory).toEqualTypeOf<LayerOf<ProcessLock.ProcessLock>>()
  })

  it("adds only TokenStoreError to the types of locked work", () => {
    const locked = (locks: ProcessLock.Service, work: Work) => locks.withLock("app.lock")(work)
    expectTypeOf(locked).returns.toEqualTypeOf<Effect.Effect<"done", "no" | TokenStoreError, Vault>>()
  })

  it("makes stores that require no lock in their context", () => {
    expectTypeOf(FileTokenStore.make).returns.toEqualTypeOf<Effect.Effect<TokenStore.Service, TokenStoreError>>()
    expectTypeOf(FileTokenStore.layer).returns.toEqualTypeOf<LayerOf<TokenStore.TokenStore, TokenStoreError>>()
    expectTypeOf(FileTokenStore.layerConfig).returns.toEqualTypeOf<
      LayerOf<TokenStore.TokenStore, TokenStoreError | ConfigError>
    >()
    expectTypeOf(KeychainTokenStore.make).returns.toEqualTypeOf<Effect.Effect<TokenStore.Service, TokenStoreError>>()
    expectTypeOf(KeychainTokenStore.layer).returns.toEqualTypeOf<LayerOf<TokenStore.TokenStore, TokenStoreError>>()
  })
  it("makes transports that can fail only with a proxy", () => {
    const made = () => NodeTransport.make({ connections: 1 })
    const proxied = () => NodeTransport.make({ proxy: "http://proxy.test:3128", connections: 1 })
    expectTypeOf(made).returns.toEqualTypeOf<Effect.Effect<HttpClient.HttpClient, never, Scope.Scope>>()
    expectTypeOf(proxied).returns.toEqualTypeOf<Effect.Effect<HttpClient.HttpClient, ConfigError, Scope.Scope>>()
    const layer = (options: NodeTransport.Options) => NodeTransport.layerWith(options)
    const layerOfProxy = (options: NodeTransport.OptionsWithProxy) => NodeTransport.layerWith(options)
    expectTypeOf(NodeTransport.layer).toEqualTypeOf<LayerOf<HttpClient.HttpClient>>()
    expectTypeOf(layer).returns.toEqualTypeOf<LayerOf<HttpClient.HttpClient>>()
    expectTypeOf(layerOfProxy).returns.toEqualTypeOf<LayerOf<HttpClient.HttpClient, ConfigError>>()
    expectTypeOf(NodeTransport.layerProxyEnv).toEqualTypeOf<LayerOf<HttpClient.HttpClient, ConfigError>>()
  })

  it("accepts a proxy as a URL, redacted or not, or as one per scheme", () => {
    type Url = string | URL | Redacted.Redacted | Redacted.Redacted<URL>
    expectTypeOf<Url>().toExtend<NodeTransport.OptionsWithProxy["proxy"]>()
    expectTypeOf<{ http: Url; https: Url; noProxy: Array<string> }>().toExtend<
      NodeTransport.OptionsWithProxy["proxy"]
    >()
    expectTypeOf<{ https: Url | undefined }>().toExtend<NodeTransport.OptionsWithProxy["proxy"]>()
    // @ts-expect-error: the scheme is misspelled.
    NodeTransport.layerWith({ proxy: { htps: "http://proxy.test" } })
    // @ts-expect-error: a port is not a URL.
    NodeTransport.layerWith({ proxy: 3128 })
    // @ts-expect-error: noProxy is a list, not a string.
    NodeTransport.layerWith({ proxy: { https: "http://proxy.test", noProxy: "a.test,b.test" } })
  })

  it("rejects allowAddress and socketPath together with a proxy", () => {
    const allowAddress = () => true
    // @ts-expect-error: the proxy resolves names.
    NodeTransport.layerWith({ proxy: "http://proxy.test", allowAddress })
    // @ts-expect-error: requests are sent over the socket.
    NodeTransport.layerWith({ proxy: "http://proxy.test", socketPath: "/run/a.sock" })
    const options = { proxy: "http://proxy.test", allowAddress }
    // @ts-expect-error: options in a variable are checked too.
    NodeTransport.layerWith(options)
    // @ts-expect-error: the proxy resolves names.
    NodeTransport.layerProxyEnvWith({ allowAddress })
    // @ts-expect-error: requests are sent over the socket.
    NodeTransport.layerProxyEnvWith({ socketPath: "/run/a.sock" })
    // @ts-expect-error: the environment names the proxies.
    NodeTransport.layerProxyEnvWith({ proxy: "http://proxy.test" })
  })
})
