import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenKey from "@countersign/auth/TokenKey"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Http from "node:http"
import { allRenderings } from "./support/allRenderings.js"
import { times } from "./support/tokenSource.js"

class Api extends ApiClient.Tag("test/Api")<Api, TokenSourceError>() {}

const Resource = Schema.Struct({ ok: Schema.Boolean, client_id: Schema.String, scope: Schema.String })

const resource = (query = "") => Effect.flatMap(Api, (api) => api.get(`/resource${query}`, { schema: Resource }))

type Options = Partial<Omit<ClientCredentials.Options, "issuer">>

/** A client of the server's resource, without timeouts, because their timers slow the test clock down. */
const client = (options: Options = {}) =>
  Layer.unwrapEffect(
    Effect.map(OAuthServer.OAuthServer, ({ issuer }) => {
      const auth = ClientCredentials.layer({
        issuer,
        clientId: "client",
        clientSecret: Redacted.make("secret"),
        transport: OAuth2.dangerouslyAllowHttpOnLoopback,
        propagationDelay: 0,
        ...options
      })
      // Effect builds the Layer of both once.
      return Layer.merge(Api.layer({ baseUrl: issuer, timeout: { call: false, exchange: false }, auth }), auth)
    })
    // `provideMerge` uses its argument twice, and each use of `layerMemory` would make another store.
  ).pipe(Layer.provideMerge(Layer.effect(TokenStore.TokenStore, TokenStore.makeMemory)))

const inMemory = (server: OAuthServer.Options = {}, options: Options = {}) =>
  Layer.provideMerge(client(options), OAuthServer.layerMemory(server))

const onPort = (server: OAuthServer.Options = {}, options: Options = {}) =>
  Layer.provideMerge(
    client(options),
    OAuthServer.layer(server).pipe(
      Layer.provide(NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })),
      Layer.provideMerge(NodeHttpClient.layerUndici)
    )
  )

const calls = Effect.flatMap(OAuthServer.OAuthServer, ({ refreshCalls, tokenCalls }) =>
  Effect.all([tokenCalls, refreshCalls])
)

describe.each([
  ["on a real port", onPort],
  ["in memory", inMemory]
] as const)("ClientCredentials, with a server %s", (_, live) => {
  it.effect("sends 100 requests with one token", () =>
    Effect.gen(function* () {
      const answers = yield* times(100, resource())
      expect(answers[99]).toEqual({ ok: true, client_id: "client", scope: "read write" })
      expect(yield* calls).toEqual([1, 0])
    }).pipe(Effect.provide(live({}, { scopes: ["read", "write"] })))
  )

  it.effect("acquires a new token after a 401 for a revoked token, and replays the request", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* resource()
      yield* server.revokeAccessTokens
      yield* resource()
      expect(yield* calls).toEqual([2, 0])
      expect((yield* server.requests).filter(({ path }) => path === "/resource")).toHaveLength(3)
    }).pipe(Effect.provide(live()))
  )

  it.effect("uses each refresh token once when the server issues refresh tokens", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      for (let n = 0; n < 4; n++) {
        yield* resource()
        yield* server.revokeAccessTokens
      }
      expect([yield* calls, yield* server.revokedFamilies]).toEqual([[4, 3], 0])
    }).pipe(Effect.provide(live({ refreshTokens: true })))
  )

  it.effect.each(["a:b", "a+b", "100%", "two words", "£", `"'<>&=`])(
    "authenticates with the secret %s by client_secret_basic and by client_secret_post",
    (secret) =>
      Effect.gen(function* () {
        for (const clientAuthentication of ["client_secret_basic", "client_secret_post"] as const) {
          yield* Effect.provide(
            resource(),
            live(
              { clients: { "my:app": secret } },
              { clientId: "my:app", clientSecret: Redacted.make(secret), clientAuthentication }
            )
          )
        }
      })
  )

  it.effect("fails with invalid_client for a wrong secret, and does not show it", () =>
    Effect.gen(function* () {
      for (const clientAuthentication of ["client_secret_basic", "client_secret_post"] as const) {
        const options = { clientSecret: Redacted.make("canary"), clientAuthentication }
        const error = yield* Effect.flip(Effect.provide(resource(), live({}, options)))
        expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_client" })
        expect(allRenderings(error)).not.toContain("canary")
      }
    })
  )

  it.effect("fails with invalid_scope for an unknown scope", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(resource())
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_scope" })
    }).pipe(Effect.provide(live({ scopes: ["read"] }, { scopes: ["admin"] })))
  )

  it.effect("follows no redirect of the token endpoint", () =>
    Effect.gen(function* () {
      const { requests } = yield* OAuthServer.OAuthServer
      const error = yield* Effect.flip(resource())
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      expect((yield* requests).map(({ path }) => path)).toEqual(["/.well-known/oauth-authorization-server", "/token"])
    }).pipe(Effect.provide(live({ faults: [OAuthServer.fault(302, "", { location: "/resource" })] })))
  )
})

describe("ClientCredentials", () => {
  it.effect("acquires a new token after 54 of 60 seconds of its lifetime", () =>
    Effect.gen(function* () {
      yield* resource()
      yield* TestClock.adjust("53 seconds")
      yield* resource()
      expect(yield* calls).toEqual([1, 0])
      yield* TestClock.adjust("1 second")
      yield* resource()
      expect(yield* calls).toEqual([2, 0])
    }).pipe(Effect.provide(inMemory({ accessTokenLifetime: "1 minute" })))
  )

  it.effect("reuses a refresh token that the server does not rotate", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      for (let n = 0; n < 3; n++) {
        yield* resource()
        yield* server.revokeAccessTokens
      }
      expect(yield* calls).toEqual([3, 2])
    }).pipe(Effect.provide(inMemory({ refreshTokens: true, rotation: false })))
  )

  it.effect("acquires a token by a new grant after the server revoked the refresh token family", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const store = yield* TokenStore.TokenStore
      const key = TokenKey.format({ issuer: server.issuer, client: "client" })
      yield* resource()
      const first = Option.getOrThrow(yield* store.get(key))
      yield* server.revokeAccessTokens
      yield* resource()
      // As after the restore of a backup, the store has a refresh token that was used before.
      const second = Option.getOrThrow(yield* store.get(key))
      yield* store.compareAndSet(key, second.version, { ...first.token, expiresAt: 0 })
      yield* server.revokeAccessTokens
      expect((yield* resource()).ok).toBe(true)
      expect([yield* calls, yield* server.revokedFamilies]).toEqual([[4, 2], 1])
    }).pipe(Effect.provide(inMemory({ refreshTokens: true })))
  )

  it.effect("acquires a token by a new grant when a refresh fails with unsupported_grant_type", () => {
    const unsupported = OAuthServer.fault(400, `{"error":"unsupported_grant_type"}`, {
      "content-type": "application/json"
    })
    const faults = ({ grantType }: OAuthServer.TokenCall) => (grantType === "refresh_token" ? unsupported : undefined)
    return Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* resource()
      yield* server.revokeAccessTokens
      yield* resource()
      expect(yield* calls).toEqual([3, 1])
    }).pipe(Effect.provide(inMemory({ refreshTokens: true, faults })))
  })

  it.effect("refreshes again after a 503, without a new grant", () => {
    const faults = [undefined, OAuthServer.fault(503)]
    return Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* resource()
      yield* server.revokeAccessTokens
      expect(yield* Effect.flip(resource())).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      expect(yield* calls).toEqual([2, 1])
      yield* TestClock.adjust("1 second")
      yield* resource()
      expect(yield* calls).toEqual([3, 2])
    }).pipe(Effect.provide(inMemory({ refreshTokens: true, faults })))
  })

  it.effect("stores tokens by issuer, client, scopes and resource", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const store = yield* TokenStore.TokenStore
      yield* resource()
      const asked = { issuer: server.issuer, client: "client", scopes: ["a"], resource: "https://oauth.test/resource" }
      expect(Option.isSome(yield* store.get(TokenKey.format(asked)))).toBe(true)
      expect(Option.isSome(yield* store.get(TokenKey.format({ ...asked, scopes: [] })))).toBe(false)
      expect((yield* TokenSource.TokenSource).get).toBeDefined()
    }).pipe(Effect.provide(inMemory({}, { scopes: ["a"], resource: "https://oauth.test/resource" })))
  )

  it.effect("fails to build the layer when the issuer is no https URL", () =>
    Effect.gen(function* () {
      const building = Layer.build(client({ transport: undefined })).pipe(
        Effect.provide(OAuthServer.layer()),
        Effect.provide(NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })),
        Effect.provide(NodeHttpClient.layerUndici),
        Effect.scoped
      )
      expect(yield* Effect.flip(building)).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    })
  )
})

describe("ClientCredentials, with an API that requires a scope", () => {
  it.effect("acquires a token with the required and the configured scopes, and keeps it", () =>
    Effect.gen(function* () {
      expect((yield* resource("?scope=write")).scope).toBe("read write")
      expect((yield* resource("?scope=read")).scope).toBe("read write")
      expect(yield* calls).toEqual([2, 0])
    }).pipe(Effect.provide(inMemory({}, { scopes: ["read"], stepUp: true })))
  )

  it.effect("acquires a wider scope by a new grant, not by a refresh", () =>
    Effect.gen(function* () {
      expect((yield* resource("?scope=write")).scope).toBe("read write")
      expect(yield* calls).toEqual([2, 0])
    }).pipe(Effect.provide(inMemory({ refreshTokens: true }, { scopes: ["read"], stepUp: true })))
  )

  it.effect("returns the 403 without stepUp", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(resource("?scope=write"))
      expect(error).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect(yield* calls).toEqual([1, 0])
    }).pipe(Effect.provide(inMemory({}, { scopes: ["read"] })))
  )

  it.effect("requests a scope once, and fails with invalid_scope when the server rejects it", () =>
    Effect.gen(function* () {
      yield* resource()
      expect(yield* Effect.flip(resource("?scope=write"))).toMatchObject({ _tag: "TokenError", error: "invalid_scope" })
      expect(yield* Effect.flip(resource("?scope=write"))).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect((yield* resource()).scope).toBe("read")
      expect(yield* calls).toEqual([2, 0])
    }).pipe(Effect.provide(inMemory({ scopes: ["read"] }, { scopes: ["read"], stepUp: true })))
  )
})

describe("ClientCredentials.layerConfig", () => {
  const configured = (config: ReadonlyArray<readonly [string, string]>) =>
    Layer.unwrapEffect(
      Effect.map(OAuthServer.OAuthServer, ({ issuer }) =>
        Api.layer({
          baseUrl: issuer,
          auth: ClientCredentials.layerConfig({
            issuer,
            clientId: Config.string("CLIENT_ID"),
            clientSecret: Config.redacted("CLIENT_SECRET"),
            scopes: Config.array(Config.string(), "SCOPES"),
            refreshWindow: "1 minute"
          })
        })
      )
    ).pipe(
      Layer.provide(TokenStore.layerMemory),
      Layer.provideMerge(OAuthServer.layerMemory()),
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(config))))
    )

  it.effect("reads Config options, and accepts plain values beside them", () =>
    Effect.gen(function* () {
      expect(yield* resource()).toEqual({ ok: true, client_id: "client", scope: "read write" })
    }).pipe(
      Effect.provide(
        configured([
          ["CLIENT_ID", "client"],
          ["CLIENT_SECRET", "secret"],
          ["SCOPES", "read,write"]
        ])
      )
    )
  )

  it.effect("names a missing variable in the error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(configured([["CLIENT_ID", "client"]])))
      expect(JSON.stringify(error)).toContain("CLIENT_SECRET")
    }).pipe(Effect.scoped)
  )
})
