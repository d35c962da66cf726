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
import { printed } from "./support/printed.js"
import { times } from "./support/sources.js"

class Api extends ApiClient.Tag("test/Api")<Api>() {}

const Resource = Schema.Struct({ ok: Schema.Boolean, client_id: Schema.String, scope: Schema.String })

const resource = (query = "") => Effect.flatMap(Api, (api) => api.get(`/resource${query}`, { schema: Resource }))

type Options = Partial<Omit<ClientCredentials.Options, "issuer">>

/** A client of the server's resource, whose clock is the test's; timers of the pipeline would only slow that down. */
const client = (options: Options = {}) =>
  Layer.unwrapEffect(
    Effect.map(OAuthServer.OAuthServer, ({ issuer }) =>
      Api.layer({ baseUrl: issuer, timeout: { call: false, exchange: false } }).pipe(
        Layer.provideMerge(
          ClientCredentials.layer({
            issuer,
            clientId: "client",
            clientSecret: Redacted.make("secret"),
            transport: OAuth2.dangerouslyAllowHttpOnLoopback,
            propagationDelay: 0,
            ...options
          })
        )
      )
    )
    // A value of its own: `provideMerge` uses its argument twice, and each use of `layerMemory` is a store of its own.
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
] as const)("client credentials, with a server %s", (_, live) => {
  it.effect("open the resource, with one token for a hundred requests", () =>
    Effect.gen(function* () {
      const answers = yield* times(100, resource())
      expect(answers[99]).toEqual({ ok: true, client_id: "client", scope: "read write" })
      expect(yield* calls).toEqual([1, 0])
    }).pipe(Effect.provide(live({}, { scopes: ["read", "write"] })))
  )

  it.effect("whose token was revoked get another, and the request is sent once more", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* resource()
      yield* server.revokeAccessTokens
      yield* resource()
      expect(yield* calls).toEqual([2, 0])
      expect((yield* server.requests).filter(({ path }) => path === "/resource")).toHaveLength(3)
    }).pipe(Effect.provide(live()))
  )

  it.effect("go by refresh tokens where the server gives them, each of which is used once", () =>
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
    "with the secret %s authenticate either way",
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

  it.effect("with a wrong secret are refused with a typed error, which shows it not", () =>
    Effect.gen(function* () {
      for (const clientAuthentication of ["client_secret_basic", "client_secret_post"] as const) {
        const options = { clientSecret: Redacted.make("canary"), clientAuthentication }
        const error = yield* Effect.flip(Effect.provide(resource(), live({}, options)))
        expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_client" })
        expect(printed(error)).not.toContain("canary")
      }
    })
  )

  it.effect("with a scope that the server does not know are refused with its code", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(resource())
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_scope" })
    }).pipe(Effect.provide(live({ scopes: ["read"] }, { scopes: ["admin"] })))
  )

  it.effect("are sent nowhere else when the token endpoint redirects", () =>
    Effect.gen(function* () {
      const { requests } = yield* OAuthServer.OAuthServer
      const error = yield* Effect.flip(resource())
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      expect((yield* requests).map(({ path }) => path)).toEqual(["/.well-known/oauth-authorization-server", "/token"])
    }).pipe(Effect.provide(live({ faults: [OAuthServer.fault(302, "", { location: "/resource" })] })))
  )
})

describe("the grant", () => {
  it.effect("follows the life of the token on the clock", () =>
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

  it.effect("keeps a refresh token that the server does not rotate", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      for (let n = 0; n < 3; n++) {
        yield* resource()
        yield* server.revokeAccessTokens
      }
      expect(yield* calls).toEqual([3, 2])
    }).pipe(Effect.provide(inMemory({ refreshTokens: true, rotation: false })))
  )

  it.effect("whose family of refresh tokens died of reuse begins anew", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const store = yield* TokenStore.TokenStore
      const key = TokenKey.format({ issuer: server.issuer, client: "client" })
      yield* resource()
      const first = Option.getOrThrow(yield* store.get(key))
      yield* server.revokeAccessTokens
      yield* resource()
      // A backup was restored: the store holds the refresh token that was used already.
      const second = Option.getOrThrow(yield* store.get(key))
      yield* store.compareAndSet(key, second.version, { ...first.token, expiresAt: 0 })
      yield* server.revokeAccessTokens
      expect((yield* resource()).ok).toBe(true)
      expect([yield* calls, yield* server.revokedFamilies]).toEqual([[4, 2], 1])
    }).pipe(Effect.provide(inMemory({ refreshTokens: true })))
  )

  it.effect("begins anew, too, where refresh tokens are given and may not be used", () => {
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

  it.effect("that gets no answer to a refresh does not begin anew: the server may be back in a moment", () => {
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

  it.effect("files its tokens by issuer, client, scopes and resource, and sends the resource", () =>
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

  it.effect("with an issuer that is no https URL is refused where the Layer is built", () =>
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

describe("client credentials, with an API that demands a scope", () => {
  it.effect("ask for it beside their own where they may, and go on with the token that has both", () =>
    Effect.gen(function* () {
      expect((yield* resource("?scope=write")).scope).toBe("read write")
      expect((yield* resource("?scope=read")).scope).toBe("read write")
      expect(yield* calls).toEqual([2, 0])
    }).pipe(Effect.provide(inMemory({}, { scopes: ["read"], stepUp: true })))
  )

  it.effect("do not widen by a refresh, which cannot", () =>
    Effect.gen(function* () {
      expect((yield* resource("?scope=write")).scope).toBe("read write")
      expect(yield* calls).toEqual([2, 0])
    }).pipe(Effect.provide(inMemory({ refreshTokens: true }, { scopes: ["read"], stepUp: true })))
  )

  it.effect("give back the 403 where nobody has allowed more", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(resource("?scope=write"))
      expect(error).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect(yield* calls).toEqual([1, 0])
    }).pipe(Effect.provide(inMemory({}, { scopes: ["read"] })))
  )

  it.effect("that are not given it ask once, and say what the server said", () =>
    Effect.gen(function* () {
      yield* resource()
      expect(yield* Effect.flip(resource("?scope=write"))).toMatchObject({ _tag: "TokenError", error: "invalid_scope" })
      expect(yield* Effect.flip(resource("?scope=write"))).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect((yield* resource()).scope).toBe("read")
      expect(yield* calls).toEqual([2, 0])
    }).pipe(Effect.provide(inMemory({ scopes: ["read"] }, { scopes: ["read"], stepUp: true })))
  )
})

describe("client credentials, from the configuration", () => {
  const configured = (config: ReadonlyArray<readonly [string, string]>) =>
    Layer.unwrapEffect(
      Effect.map(OAuthServer.OAuthServer, ({ issuer }) =>
        Api.layer({ baseUrl: issuer }).pipe(
          Layer.provide(
            ClientCredentials.layerConfig({
              issuer,
              clientId: Config.string("CLIENT_ID"),
              clientSecret: Config.redacted("CLIENT_SECRET"),
              scopes: Config.array(Config.string(), "SCOPES"),
              refreshWindow: "1 minute"
            })
          )
        )
      )
    ).pipe(
      Layer.provide(TokenStore.layerMemory),
      Layer.provideMerge(OAuthServer.layerMemory()),
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(config))))
    )

  it.effect("are read where it is asked, and taken as they are where it is not", () =>
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

  it.effect("that are not there fail with the name of what is missing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(configured([["CLIENT_ID", "client"]])))
      expect(JSON.stringify(error)).toContain("CLIENT_SECRET")
    }).pipe(Effect.scoped)
  )
})
