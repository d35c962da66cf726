import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Basic from "@countersign/auth/Basic"
import * as Dpop from "@countersign/auth/Dpop"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as RcMap from "effect/RcMap"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { granted } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { times } from "./support/tokenSource.js"

const { accessToken, saml2 } = TokenExchange.tokenTypes

const issuer = "https://oauth.test"
const client = { issuer, clientId: "client", clientSecret: Redacted.make("secret"), propagationDelay: 0 }

const Resource = Schema.Struct({ client_id: Schema.String, scope: Schema.String, sub: Schema.String })

type Authenticated = Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  unknown,
  HttpClient.HttpClient | TokenStore.TokenStore | OAuthServer.OAuthServer
>

/** A client of the server's resource, without timeouts, because timers slow the test clock down. */
const apiOf = (auth: Authenticated) =>
  Effect.map(Layer.build(auth), (built) => {
    const timeout = { call: false, exchange: false } as const
    const make = Effect.provide(
      Effect.flatMap(Auth.tag<TokenSourceError>(), (auth) => ApiClient.make({ baseUrl: issuer, timeout, auth })),
      built
    )
    return Effect.flatMap(make, (api) => api.get("/resource", { schema: Resource }))
  })

/** The access token of a user that has signed in at the client `web`, issued when the effect runs. */
const signedIn = Effect.flatMap(OAuthServer.OAuthServer, (server) =>
  Effect.map(server.issueTokens({ clientId: "web", scope: "read write" }), ({ access_token: token }) => ({
    token: Redacted.make(token),
    type: accessToken
  }))
)

const of = (token: string): TokenExchange.SubjectToken => ({ token: Redacted.make(token), type: accessToken })

const tokenCalls = Effect.flatMap(OAuthServer.OAuthServer, (server) => server.tokenCalls)

/** A store that records its keys. */
const store = Effect.gen(function* () {
  const memory = yield* TokenStore.makeMemory
  const keys = new Set<string>()
  const service: TokenStore.Service = {
    ...memory,
    compareAndSet: (key, ...rest) => {
      keys.add(key)
      return memory.compareAndSet(key, ...rest)
    }
  }
  return { keys, layer: Layer.succeed(TokenStore.TokenStore, service), service }
})

const live = (server: OAuthServer.Options = {}) =>
  Layer.merge(OAuthServer.layerMemory({ clients: { client: "secret", web: "web" }, ...server }), TokenStore.layerMemory)

describe("TokenExchange.layer", () => {
  it.scoped("calls an API for the subject, with one exchange for 100 requests", () =>
    Effect.gen(function* () {
      const resource = yield* apiOf(TokenExchange.layer({ ...client, subject: signedIn, scopes: ["read"] }))
      const answers = yield* times(100, resource)
      expect(answers[99]).toEqual({ client_id: "client", scope: "read", sub: "ada" })
      expect(yield* tokenCalls).toBe(1)
    }).pipe(Effect.provide(live({ subject: "ada" })))
  )

  it.scoped("reads the refreshed subject token again when the exchanged token expires", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const { keys, layer: kept, service } = yield* store
      const { refresh_token: refreshToken = "" } = yield* server.issueTokens({ clientId: "client", scope: "read" })
      // The two layers have the same client and account, but must not share a token.
      const account = { ...client, account: "ada" }
      const session = RefreshToken.layer({ ...account, refreshToken: Redacted.make(refreshToken) })
      const exchange = TokenExchange.layer({
        ...account,
        subject: Effect.flatMap(TokenSource.TokenSource, TokenExchange.fromSource)
      })
      const resource = yield* apiOf(exchange.pipe(Layer.provide(session), Layer.provide(kept)))
      yield* resource
      expect([yield* server.tokenCalls, yield* server.refreshCalls]).toEqual([2, 1])
      yield* TestClock.adjust("30 minutes")
      yield* resource
      expect(yield* server.tokenCalls).toBe(2)
      yield* TestClock.adjust("30 minutes")
      yield* resource
      expect([yield* server.tokenCalls, yield* server.refreshCalls]).toEqual([4, 2])
      const stored = yield* Effect.forEach(keys, (key) => Effect.flatten(service.get(key)))
      expect(stored.map(({ token }) => token.refreshToken !== undefined)).toEqual([true, false])
    }).pipe(Effect.provide(live()))
  )

  it.scoped("separates two layers without an account and stores no tokens of theirs", () =>
    Effect.gen(function* () {
      const { keys, layer: kept } = yield* store
      const asked: Array<string> = []
      const sourceOf = (name: string) => {
        const subject = Effect.tap(signedIn, () => Effect.sync(() => asked.push(name)))
        const tag = Context.GenericTag<TokenSource.Service>(name)
        return Layer.provide(Layer.effect(tag, TokenSource.TokenSource), TokenExchange.layer({ ...client, subject }))
      }
      const built = yield* Layer.build(Layer.provide(Layer.merge(sourceOf("ada"), sourceOf("eve")), kept))
      for (const name of ["ada", "eve", "ada"]) {
        yield* Context.unsafeGet(built, Context.GenericTag<TokenSource.Service>(name)).get
      }
      expect(asked).toEqual(["ada", "eve"])
      expect(keys.size).toBe(0)
    }).pipe(Effect.provide(live()))
  )

  it.scoped("stores the token under a key of account and request parameters, without a token", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const { keys, layer: kept } = yield* store
      const subject = yield* signedIn
      const asking = (more: Partial<TokenExchange.LayerOptions>) =>
        Effect.gen(function* () {
          const options = { ...client, account: "ada", subject: Effect.succeed(subject), ...more }
          const built = yield* Layer.build(Layer.provide(TokenExchange.layer(options), kept))
          yield* Context.get(built, TokenSource.TokenSource).get
          return keys.size
        })
      expect([yield* asking({}), yield* asking({})]).toEqual([1, 1])
      expect(yield* server.tokenCalls).toBe(1)
      const others: ReadonlyArray<Partial<TokenExchange.LayerOptions>> = [
        { account: "eve" },
        { audience: "orders:" },
        { resource: "orders:" },
        { resource: "orders:", audience: "orders:" },
        { scopes: ["read"] },
        { requestedTokenType: accessToken },
        { parameters: { realm: "eu" } },
        { actor: subject }
      ]
      const sizes = yield* Effect.forEach(others, asking)
      expect(sizes).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
      expect([...keys].join()).not.toContain(Redacted.value(subject.token))
      expect([...keys][0]).toMatch(
        /^18:https:\/\/oauth\.test,6:client,3:ada,\d+:urn:ietf:params:oauth:grant-type:token-exchange#[\w-]{43}$/
      )
    }).pipe(Effect.provide(live()))
  )

  it.scoped("sends the actor token, so that the new token names the actor", () =>
    Effect.gen(function* () {
      const actor = yield* Effect.flatMap(OAuthServer.OAuthServer, (server) =>
        server.issueTokens({ clientId: "client" })
      )
      const built = yield* Layer.build(
        TokenExchange.layer({ ...client, subject: signedIn, actor: Effect.succeed(of(actor.access_token)) })
      )
      const { token } = yield* Context.get(built, TokenSource.TokenSource).get
      const auth = Basic.make({ username: "client", password: Redacted.make("secret") })
      const api = yield* ApiClient.make({ baseUrl: issuer, auth })
      const form = new URLSearchParams({ token: Redacted.value(token.accessToken) }).toString()
      const body = HttpBody.text(form, "application/x-www-form-urlencoded")
      const told = yield* api.post("/introspect", { body, schema: Schema.Struct({ act: Schema.Unknown }) })
      expect(told).toEqual({ act: { sub: "user" } })
    }).pipe(Effect.provide(live()))
  )

  it.scoped("fails for a rejected subject token, and exchanges the next one a second later", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      let current = of("canary-dead")
      const resource = yield* apiOf(TokenExchange.layer({ ...client, subject: Effect.sync(() => current) }))
      const error = yield* Effect.flip(resource)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_request" })
      expect(allRenderings(error)).not.toContain("canary-")
      current = yield* signedIn
      yield* TestClock.adjust("999 millis")
      expect(yield* Effect.flip(resource)).toBe(error)
      expect(yield* server.tokenCalls).toBe(1)
      yield* TestClock.adjust("1 millis")
      expect(yield* resource).toMatchObject({ sub: "user" })
      expect(yield* server.tokenCalls).toBe(2)
    }).pipe(Effect.provide(live()))
  )

  it.scoped.each([
    [new TokenError({ reason: "ReauthorizationRequired", error: "invalid_grant", detail: "sign in" }), "Rejected"],
    [new TokenError({ reason: "Unavailable", sent: "maybe", detail: "no connection" }), "Unavailable"],
    [new TokenStoreError({ reason: "ReadFailed", detail: "no such disk" }), "Unavailable"]
  ] as const)("fails if the subject fails (%s), and runs it again a second later", ([failure, reason]) =>
    Effect.gen(function* () {
      let subject: TokenExchange.LayerOptions<OAuthServer.OAuthServer>["subject"] = Effect.fail(failure)
      const resource = yield* apiOf(TokenExchange.layer({ ...client, subject: Effect.suspend(() => subject) }))
      const error = yield* Effect.flip(resource)
      expect(error).toMatchObject({ _tag: "TokenError", reason, sent: "no" })
      expect(allRenderings(error)).toContain(`the subject is not available: ${failure.detail}`)
      expect(yield* tokenCalls).toBe(0)
      subject = signedIn
      yield* TestClock.adjust("1 second")
      yield* resource
      expect(yield* tokenCalls).toBe(1)
    }).pipe(Effect.provide(live()))
  )

  it.scoped("binds the token to the DPoP key, with the nonce of the server", () =>
    Effect.gen(function* () {
      const resource = yield* apiOf(
        TokenExchange.layer({ ...client, subject: signedIn, dpop: yield* Dpop.generateKey })
      )
      expect(yield* resource).toMatchObject({ sub: "user" })
      expect(yield* tokenCalls).toBe(2)
    }).pipe(Effect.provide(live({ dpop: { required: true, nonce: true } })))
  )

  it.scoped("fails for token_type N_A, also if a SAML token was requested", () =>
    Effect.gen(function* () {
      const answer = granted({ token_type: "N_A", issued_token_type: saml2 })
      const { client: transport } = yield* MockClient.make([answer])
      const options = { ...client, tokenEndpoint: `${issuer}/token`, requestedTokenType: saml2 }
      const built = yield* Layer.build(
        TokenExchange.layer({ ...options, subject: Effect.succeed(of("canary-s")) })
      ).pipe(Effect.provideService(HttpClient.HttpClient, transport))
      const error = yield* Effect.flip(Context.get(built, TokenSource.TokenSource).get)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(error.detail).toContain("N_A")
      expect(allRenderings(error)).not.toContain("canary-")
    }).pipe(Effect.provide(live()))
  )

  it.scoped("fails to build for an issuer without https", () =>
    Effect.gen(function* () {
      const building = Layer.build(TokenExchange.layer({ ...client, issuer: "http://oauth.test", subject: signedIn }))
      expect(yield* Effect.flip(building)).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
    }).pipe(Effect.provide(live()))
  )
})

describe("two TokenExchange layers of one application", () => {
  it.scoped("send different tokens for different accounts", () =>
    Effect.gen(function* () {
      const tags = (["ada", "eve"] as const).map((name) => Context.GenericTag<Auth.Service<TokenSourceError>>(name))
      const layers = tags.map((tag) =>
        Layer.provide(
          Layer.effect(tag, Auth.tag<TokenSourceError>()),
          TokenExchange.layer({ ...client, account: tag.key, subject: signedIn })
        )
      )
      const built = yield* Layer.build(Layer.mergeAll(Layer.empty, ...layers))
      const sent = yield* Effect.forEach(tags, (tag) =>
        Effect.map(Context.unsafeGet(built, tag).sign(HttpClientRequest.get(issuer)), ({ request }) => request.headers)
      )
      expect(sent[0]?.["authorization"]).toMatch(/^Bearer ./)
      expect(sent[0]?.["authorization"]).not.toBe(sent[1]?.["authorization"])
    }).pipe(Effect.provide(live()))
  )
})

describe("TokenExchange.make with a source per user", () => {
  it.scoped("runs one exchange per user for all requests", () =>
    Effect.gen(function* () {
      const { exchange } = yield* TokenExchange.make(client)
      const users = { ada: yield* signedIn, eve: yield* signedIn }
      const sources = yield* RcMap.make({
        idleTimeToLive: "10 minutes",
        lookup: (user: keyof typeof users) => TokenSource.make({ key: user, acquireToken: () => exchange(users[user]) })
      })
      const tokenOf = (user: keyof typeof users) =>
        Effect.scoped(Effect.flatMap(RcMap.get(sources, user), ({ get }) => get))
      const tokens = yield* Effect.all([times(10, tokenOf("ada")), times(10, tokenOf("eve"))], { concurrency: 2 })
      const texts = tokens.flat().map(({ token }) => Redacted.value(token.accessToken))
      expect(new Set(texts).size).toBe(2)
      expect(yield* tokenCalls).toBe(2)
    }).pipe(Effect.provide(live()))
  )
})

describe("TokenExchange.layerConfig", () => {
  const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'

  it.scoped("reads the secret from Config, and exchanges again once with the claims of a challenge", () =>
    Effect.gen(function* () {
      const forms: Array<URLSearchParams> = []
      const challenge = `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64(claims)}"`
      const { client: transport } = yield* MockClient.make(({ body, headers, url }) => {
        if (url.endsWith("/token")) {
          forms.push(new URLSearchParams(String(body)))
          return granted({ access_token: `canary-${forms.length}`, issued_token_type: accessToken })
        }
        return headers["authorization"] === "Bearer canary-2"
          ? MockClient.respond(200, { client_id: "client", scope: "read", sub: "ada" })
          : MockClient.respond(401, {}, { "www-authenticate": challenge })
      })
      const auth = TokenExchange.layerConfig({
        ...client,
        tokenEndpoint: `${issuer}/token`,
        clientSecret: Config.redacted("SECRET"),
        subject: Effect.succeed(of("canary-user"))
      })
      const configured = Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["SECRET", "canary-secret"]])))
      yield* Effect.flatten(apiOf(auth)).pipe(
        configured,
        Effect.provideService(HttpClient.HttpClient, transport),
        Effect.provide(TokenStore.layerMemory)
      )
      expect(forms.map((form) => form.get("claims"))).toEqual([null, claims])
    }).pipe(Effect.provide(live()))
  )
})
