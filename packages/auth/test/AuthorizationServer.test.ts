import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as AuthorizationServer from "@countersign/auth/AuthorizationServer"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as Dpop from "@countersign/auth/Dpop"
import * as Introspection from "@countersign/auth/Introspection"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Registration from "@countersign/auth/Registration"
import * as Revocation from "@countersign/auth/Revocation"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { InvalidRequest } from "@countersign/client/Errors"
import { inspect } from "node:util"
import { granted, issuer } from "./support/oauth.js"

const { respond } = MockClient

const secret = Redacted.make("canary-secret")

const options: AuthorizationServer.Options = { issuer, clientId: "client", clientSecret: secret }

const token = Redacted.make("canary-token")

const metadata = (from = issuer) =>
  respond(200, {
    issuer: from,
    token_endpoint: `${from}/token`,
    authorization_endpoint: `${from}/authorize`,
    device_authorization_endpoint: `${from}/device`,
    introspection_endpoint: `${from}/introspect`,
    registration_endpoint: `${from}/register`,
    revocation_endpoint: `${from}/revoke`
  })

const deviceCode = { device_code: "canary-code", user_code: "U", verification_uri: issuer, expires_in: 60 }

/** A server with metadata, that grants all requests. */
const world = (more: (request: MockClient.Sent) => MockClient.Step | undefined = () => undefined) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make((request) => {
      const scripted = more(request)
      if (scripted !== undefined) return scripted
      const { origin, pathname } = new URL(request.url)
      if (pathname.startsWith("/.well-known/")) return metadata(origin)
      if (pathname === "/device") return respond(200, deviceCode)
      if (pathname === "/introspect") return respond(200, { active: false })
      if (pathname === "/register") return respond(201, { client_id: "another" })
      return pathname === "/revoke"
        ? respond(200, "")
        : granted({ issued_token_type: TokenExchange.tokenTypes.accessToken })
    })
    const reads = Effect.map(mock.sent, (sent) => sent.filter(({ method }) => method === "GET").length)
    return { http: Layer.succeed(HttpClient.HttpClient, client), mock, reads }
  })

/** One request of each module, with the options of a client. */
const uses: Readonly<
  Record<
    string,
    (client: OAuth2.Client) => Effect.Effect<unknown, unknown, HttpClient.HttpClient | TokenStore.TokenStore>
  >
> = {
  AuthorizationCode: (client) =>
    Effect.flatMap(AuthorizationCode.make({ ...client, redirectUri: "https://app.test/" }), ({ start }) => start()),
  ClientCredentials: (client) => tokenOf(ClientCredentials.layer(client)),
  DeviceCode: (client) => Effect.flatMap(DeviceCode.make(client), ({ start }) => start),
  Introspection: (client) => Effect.flatMap(Introspection.make(client), ({ introspect }) => introspect(token)),
  JwtBearer: (client) => tokenOf(JwtBearer.layer({ ...client, assertion: Effect.succeed(token) })),
  OAuth2: (client) => Effect.flatMap(OAuth2.make(client), ({ clientCredentials }) => clientCredentials({})),
  RefreshToken: (client) => tokenOf(RefreshToken.layer({ ...client, refreshToken: token })),
  Registration: (client) => Registration.register(client, {}),
  Revocation: (client) => Effect.flatMap(Revocation.make(client), ({ revoke }) => revoke(token)),
  signOut: (client) => Revocation.signOut({ ...client, account: "ada", refreshToken: token }),
  TokenExchange: (client) =>
    Effect.flatMap(TokenExchange.make(client), ({ exchange }) =>
      exchange({ token, type: TokenExchange.tokenTypes.accessToken })
    )
}

const tokenOf = <E, R>(layer: Layer.Layer<TokenSource.TokenSource, E, R>) =>
  Effect.scoped(Effect.flatMap(Layer.build(layer), (built) => Context.get(built, TokenSource.TokenSource).get))

describe("AuthorizationServer.make", () => {
  for (const [name, use] of Object.entries(uses)) {
    it.effect(`shares the metadata with ${name}`, () =>
      Effect.gen(function* () {
        const { http, reads } = yield* world()
        const server = yield* Effect.provide(AuthorizationServer.make(options), http)
        const run = use(server.client).pipe(Effect.provide(http), Effect.provide(TokenStore.layerMemory))
        yield* run
        expect(yield* reads).toBe(1)
        yield* Effect.provide(
          Effect.flatMap(OAuth2.make(server.client), (made) => made.clientCredentials({})),
          http
        )
        yield* run
        expect(yield* reads).toBe(1)
      })
    )
  }

  it.effect("sends requests with its own HttpClient", () =>
    Effect.gen(function* () {
      const own = yield* world()
      const other = yield* world()
      const server = yield* Effect.provide(AuthorizationServer.make(options), own.http)
      const made = yield* Effect.provide(OAuth2.make(server.client), other.http)
      yield* made.clientCredentials({})
      expect((yield* own.mock.sent).length).toBe(2)
      expect(yield* other.mock.sent).toEqual([])
    })
  )

  it.effect("shares the clock skew with a client assertion of a sign-out", () =>
    Effect.gen(function* () {
      const { http, mock } = yield* world(({ url }) =>
        url.endsWith("/token")
          ? respond(200, { access_token: "a", token_type: "bearer" }, { date: "Thu, 01 Jan 1970 00:10:00 GMT" })
          : undefined
      )
      const client = {
        ...options,
        clientAuthentication: "client_secret_jwt",
        tokenEndpoint: `${issuer}/token`,
        revocationEndpoint: `${issuer}/revoke`
      } as const
      const issuedAt = (from: Revocation.Client) =>
        Effect.gen(function* () {
          yield* Effect.flatMap(OAuth2.make(from), (made) => made.clientCredentials({}))
          yield* Effect.flatMap(Revocation.make(from), ({ revoke }) => revoke(token))
          const sent = (yield* mock.sent).at(-1)
          const assertion = new URLSearchParams(sent?.body).get("client_assertion") ?? ""
          return (JSON.parse(Buffer.from(assertion.split(".")[1] ?? "", "base64url").toString()) as { iat: number }).iat
        }).pipe(Effect.provide(http))
      const server = yield* Effect.provide(AuthorizationServer.make(client), http)
      expect(yield* issuedAt(client)).toBe(0)
      expect(yield* issuedAt(server.client)).toBe(600)
      expect(yield* server.clockSkew).toBe(600_000)
    })
  )

  it.effect("shares DPoP nonces between a sign-in, refreshes and a sign-out", () =>
    Effect.gen(function* () {
      const { clientId, issuer: from } = { clientId: "cli", issuer: (yield* OAuthServer.OAuthServer).issuer }
      const dpop = yield* Dpop.generateKey
      const client = { issuer: from, clientId, clientAuthentication: ClientAuthentication.none, dpop }
      const oauth = yield* OAuthServer.OAuthServer
      /** A sign-in, a refresh and a sign-out. Returns the numbers of token requests and of metadata requests. */
      const session = (shared: OAuth2.Client) =>
        Effect.gen(function* () {
          const before = yield* oauth.requests
          const redirectUri = "https://app.test/callback"
          const scopes = ["read"]
          const signIn = yield* AuthorizationCode.make({ ...shared, scopes, redirectUri })
          const transaction = yield* signIn.start()
          const http = yield* HttpClient.HttpClient
          const callback = (yield* http.get(transaction.url)).headers["location"] ?? ""
          const signedIn = yield* signIn.complete(transaction, callback)
          yield* AuthorizationCode.storeToken(
            { ...shared, scopes },
            {
              token: { ...signedIn.token, expiresAt: 0 }
            }
          )
          yield* tokenOf(RefreshToken.layer({ ...shared, scopes }))
          yield* Revocation.signOut({ ...shared, scopes })
          const all = (yield* oauth.requests).slice(before.length)
          const count = (part: string) => all.filter(({ path }) => path.includes(part)).length
          return { token: count("/token"), metadata: count("/.well-known/"), revoke: count("/revoke") }
        })
      const server = yield* AuthorizationServer.make(client)
      expect(yield* session(server.client)).toEqual({ token: 3, metadata: 1, revoke: 2 })
      expect(yield* session(client)).toEqual({ token: 4, metadata: 3, revoke: 2 })
    }).pipe(
      Effect.provide(
        Layer.merge(
          OAuthServer.layerMemory({
            clients: { cli: { public: true, redirectUris: ["https://app.test/callback"] } },
            dpop: { required: true, nonce: true }
          }),
          TokenStore.layerMemory
        )
      )
    )
  )

  const differences: Readonly<Record<string, Partial<OAuth2.Client>>> = {
    issuer: { issuer: "https://other.test" },
    clientId: { clientId: "other" },
    clientSecret: { clientSecret: Redacted.make("canary-other") },
    clientAuthentication: { clientAuthentication: "client_secret_post" },
    tokenEndpoint: { tokenEndpoint: `${issuer}/other` },
    tokenParameters: { tokenParameters: { refresh_token: { tenant: "t" } } },
    complianceFixes: { complianceFixes: { pkce: false } },
    transport: { transport: OAuth2.dangerouslyAllowHttpOnLoopback }
  }
  for (const [name, different] of Object.entries(differences)) {
    it.effect(`fails with InvalidRequest for another ${name} beside the server`, () =>
      Effect.gen(function* () {
        const { http } = yield* world()
        const server = yield* Effect.provide(AuthorizationServer.make(options), http)
        const error = yield* Effect.flip(Effect.provide(OAuth2.make({ ...server.client, ...different }), http))
        expect(error.reason).toBe("Credentials")
        expect(error.detail).toContain(`\`${name}\` is not that of \`server\``)
        expect(error.message).not.toContain("canary")
      })
    )
  }

  it.effect("accepts an equal secret, and fails with InvalidRequest for a server of another origin", () =>
    Effect.gen(function* () {
      const { http } = yield* world()
      const server = yield* Effect.provide(AuthorizationServer.make(options), http)
      const equal = { ...server.client, clientSecret: Redacted.make("canary-secret") }
      yield* Effect.provide(OAuth2.make(equal), http)
      const copy = { ...server.client, server: { ...server } }
      const error = yield* Effect.flip(Effect.provide(OAuth2.make(copy), http))
      expect(error.detail).toContain("was not made by `AuthorizationServer`")
    })
  )

  it.effect("fails with InvalidRequest for an endpoint that is not an https URL", () =>
    Effect.gen(function* () {
      const { http } = yield* world()
      const invalid = { ...options, revocationEndpoint: "http://auth.test/revoke" }
      const error = yield* Effect.flip(Effect.provide(AuthorizationServer.make(invalid), http))
      expect(error.reason).toBe("Url")
    })
  )

  it.effect("prints no secret", () =>
    Effect.gen(function* () {
      const { http } = yield* world()
      const server = yield* Effect.provide(AuthorizationServer.make(options), http)
      for (const text of [JSON.stringify(server.clockSkew), inspect(server, { depth: 9, getters: true })]) {
        expect(text).not.toContain("canary")
      }
    })
  )
})

class Login extends AuthorizationServer.Tag("test/Login")<Login>() {}
class Partner extends AuthorizationServer.Tag("test/Partner")<Partner>() {}

describe("AuthorizationServer.Tag", () => {
  it.effect("shares one server between the Layers of an application", () =>
    Effect.gen(function* () {
      const { http, reads } = yield* world()
      const AuthLive = Login.layerFrom((client) => ClientCredentials.layer(client))
      const program = Effect.gen(function* () {
        yield* Effect.flatMap(TokenSource.TokenSource, ({ get }) => get)
        const { client } = yield* Login
        yield* Effect.flatMap(Introspection.make(client), ({ introspect }) => introspect(token))
      })
      yield* program.pipe(
        Effect.provide(AuthLive),
        Effect.provide(Login.layer(options)),
        Effect.provide(http),
        Effect.provide(TokenStore.layerMemory)
      )
      expect(yield* reads).toBe(1)
    })
  )

  it.effect("separates two issuers", () =>
    Effect.gen(function* () {
      const { http, mock } = yield* world()
      const other = "https://partner.test"
      const request = (client: OAuth2.Client) =>
        Effect.flatMap(OAuth2.make(client), (made) => made.clientCredentials({}))
      yield* Effect.gen(function* () {
        yield* request((yield* Login).client)
        yield* request((yield* Partner).client)
      }).pipe(
        Effect.provide(Layer.merge(Login.layer(options), Partner.layer({ ...options, issuer: other }))),
        Effect.provide(http)
      )
      const posts = (yield* mock.sent).filter(({ method }) => method === "POST")
      expect(posts.map(({ url }) => url)).toEqual([`${issuer}/token`, `${other}/token`])
    })
  )

  it.effect("reads its options from the configuration", () =>
    Effect.gen(function* () {
      const { http } = yield* world()
      const config = ConfigProvider.fromMap(
        new Map([
          ["ISSUER", issuer],
          ["SECRET", "canary-secret"]
        ])
      )
      const live = Login.layerConfig({
        issuer: Config.string("ISSUER"),
        clientId: "client",
        clientSecret: Config.redacted("SECRET")
      })
      const { client } = yield* Login.pipe(
        Effect.provide(live),
        Effect.provide(http),
        Effect.withConfigProvider(config)
      )
      expect([client.issuer, client.clientId, Redacted.value(client.clientSecret ?? token)]).toEqual([
        issuer,
        "client",
        "canary-secret"
      ])
    })
  )

  it.effect("takes values only in layerConfig", () =>
    Effect.gen(function* () {
      const { http } = yield* world()
      const { client } = yield* Login.pipe(Effect.provide(Login.layerConfig(options)), Effect.provide(http))
      expect(client.issuer).toBe(issuer)
    })
  )

  it("requires the server in the Layer of a grant", () => {
    const _live = Login.layerFrom((client) => RefreshToken.layer({ ...client, account: "ada" }))
    expectTypeOf<Layer.Layer.Context<typeof _live>>().toEqualTypeOf<
      Login | HttpClient.HttpClient | TokenStore.TokenStore
    >()
    expectTypeOf(Login.layer(options)).toEqualTypeOf<Layer.Layer<Login, InvalidRequest, HttpClient.HttpClient>>()
    expectTypeOf(Login.layerConfig(options)).toEqualTypeOf<
      Layer.Layer<Login, InvalidRequest | ConfigError, HttpClient.HttpClient>
    >()
  })
})
