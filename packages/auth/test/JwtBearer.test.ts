import type { TokenSourceError } from "@countersign/auth/Errors"
import type * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import type * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"
import { granted } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

const { fail, respond } = MockClient

const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"
const issuer = "https://auth.test"
const at = 1_700_000_000

const pair = await jose.generateKeyPair("ES256", { extractable: true })
const key: ClientAuthentication.PrivateKey = { key: pair.privateKey, kid: "k1" }
const signing: JwtBearer.JwtAssertion = { key, subject: "ada" }

type Options = Partial<JwtBearer.Options<never>>

/** A token source over scripted responses, with the requests sent and the tokens stored. */
const bearing = (script: MockClient.Script, options: Options = {}) =>
  Effect.gen(function* () {
    const { client: transport, mock } = yield* MockClient.make(script)
    const memory = yield* TokenStore.makeMemory
    const keys: Array<string> = []
    const kept: Array<Token.Token> = []
    const store: TokenStore.Service = {
      ...memory,
      compareAndSet: (key, expected, token) => {
        keys.push(key)
        kept.push(token)
        return memory.compareAndSet(key, expected, token)
      }
    }
    const layer = JwtBearer.layer({
      issuer,
      clientId: "client",
      tokenEndpoint: `${issuer}/token`,
      assertion: signing,
      propagationDelay: 0,
      ...options
    })
    const built = yield* Layer.build(layer).pipe(
      Effect.provideService(HttpClient.HttpClient, transport),
      Effect.provideService(TokenStore.TokenStore, store)
    )
    const forms = Effect.map(mock.sent, (sent) =>
      sent.flatMap(({ body }) => (body === undefined ? [] : [[...new URLSearchParams(body)]]))
    )
    const assertions = Effect.map(forms, (all) => all.map((form) => Object.fromEntries(form)["assertion"] ?? ""))
    return { source: Context.get(built, TokenSource.TokenSource), mock, forms, assertions, keys, kept }
  })

const verified = (assertion = "", publicKey: CryptoKey = pair.publicKey, now = at) =>
  Effect.promise(() => jose.jwtVerify(assertion, publicKey, { currentDate: new Date(now * 1000) }))

describe("JwtBearer with a key", () => {
  it.scoped("sends an assertion that is valid for 60 seconds, and the client id only", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at * 1000 + 999)
      const { assertions, forms, mock, source } = yield* bearing([granted()])
      yield* source.get
      const [assertion = ""] = yield* assertions
      const sent = [
        ["assertion", assertion],
        ["grant_type", grantType],
        ["client_id", "client"]
      ]
      expect(yield* forms).toEqual([sent])
      expect((yield* mock.sent)[0]).toMatchObject({ method: "POST", url: `${issuer}/token` })
      expect((yield* mock.sent)[0]?.headers).not.toHaveProperty("authorization")
      const { payload, protectedHeader } = yield* verified(assertion)
      expect(protectedHeader).toEqual({ alg: "ES256", typ: "JWT", kid: "k1" })
      expect(payload).toEqual({
        iss: "client",
        sub: "ada",
        aud: issuer,
        iat: at,
        nbf: at,
        exp: at + 60,
        jti: expect.stringMatching(/^[\da-f-]{36}$/) as string
      })
    })
  )

  it.scoped("adds configured claims, which replace no registered claim", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at * 1000)
      const claims = {
        scope: "https://www.googleapis.com/auth/drive",
        aud: "x",
        exp: 9e9,
        jti: "same",
        iss: "x",
        sub: "x"
      }
      const audience = ["https://login.test", "https://login.test/token"]
      const { assertions, source } = yield* bearing([granted()], {
        assertion: { key: { key: pair.privateKey }, issuer: "robot@project.test", audience, claims }
      })
      yield* source.get
      const { payload, protectedHeader } = yield* verified((yield* assertions)[0])
      expect(protectedHeader).toEqual({ alg: "ES256", typ: "JWT" })
      expect(payload).toMatchObject({
        iss: "robot@project.test",
        sub: "robot@project.test",
        aud: audience,
        exp: at + 60,
        scope: "https://www.googleapis.com/auth/drive"
      })
      expect(payload.jti).not.toBe("same")
    })
  )

  it.scoped.each(["RS256", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512", "Ed25519"])(
    "signs with the algorithm of its key: %s",
    (alg) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(at * 1000)
        const other = yield* Effect.promise(() => jose.generateKeyPair(alg))
        const { assertions, source } = yield* bearing([granted()], {
          assertion: { key: { key: other.privateKey }, subject: "ada" }
        })
        yield* source.get
        const { protectedHeader } = yield* verified((yield* assertions)[0], other.publicKey)
        expect(protectedHeader.alg).toBe(alg)
      })
  )

  it.scoped("takes the audience from the metadata's issuer, and the times from the server's clock", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at * 1000)
      const hour = 3600
      const date = { date: new Date((at + hour) * 1000).toUTCString() }
      const published = respond(200, { issuer: `${issuer}/`, token_endpoint: `${issuer}/token` }, date)
      const { assertions, source } = yield* bearing([published, granted()], { tokenEndpoint: undefined })
      yield* source.get
      const { payload } = yield* verified((yield* assertions)[0], pair.publicKey, at + hour)
      expect(payload).toMatchObject({ aud: `${issuer}/`, iat: at + hour, exp: at + hour + 60 })
    })
  )

  it.scoped("sends scope, resource, parameters and the client secret with the assertion", () =>
    Effect.gen(function* () {
      const { forms, mock, source } = yield* bearing([granted()], {
        clientSecret: Redacted.make("canary-secret"),
        scopes: ["read", "write"],
        resource: "https://api.test/",
        parameters: { realm: "eu", assertion: "another", scope: "another" }
      })
      yield* source.get
      const form = (yield* forms)[0] ?? []
      expect(form).toHaveLength(5)
      const { assertion, ...rest } = Object.fromEntries(form)
      expect(assertion).not.toBe("another")
      expect(rest).toEqual({
        grant_type: grantType,
        scope: "read write",
        resource: "https://api.test/",
        realm: "eu"
      })
      expect((yield* mock.sent)[0]?.headers["authorization"]).toBe(`Basic ${btoa("client:canary%2Dsecret")}`)
    })
  )

  it.scoped("signs a new assertion for each request, after errors and after expiry", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at * 1000)
      const script = [respond(503), fail("ECONNRESET"), granted(), granted({ refresh_token: "canary-r" }), granted()]
      const { assertions, source } = yield* bearing(script)
      yield* Effect.flip(source.get)
      yield* TestClock.adjust("1 second")
      yield* Effect.flip(source.get)
      yield* TestClock.adjust("2 seconds")
      for (let n = 0; n < 3; n++) {
        yield* source.get
        yield* TestClock.adjust("60 seconds")
      }
      const said = yield* Effect.forEach(yield* assertions, (text) => Effect.sync(() => jose.decodeJwt(text)))
      expect(said.map(({ iat = 0 }) => iat - at)).toEqual([0, 1, 3, 63, 123])
      expect(new Set(said.map(({ jti }) => jti)).size).toBe(5)
    })
  )

  it.scoped("signs a new assertion for one replay after use_dpop_nonce", () =>
    Effect.gen(function* () {
      const wanted = (nonce: string) => respond(400, { error: "use_dpop_nonce" }, { "dpop-nonce": nonce })
      const script = [wanted("n1"), granted({ token_type: "DPoP" }), wanted("n2"), wanted("n3"), granted()]
      const { assertions, mock, source } = yield* bearing(script, { dpop: yield* Dpop.generateKey })
      yield* source.get
      const nonces = Effect.map(mock.sent, (sent) =>
        sent.map(({ headers }) => jose.decodeJwt(headers["dpop"] ?? "")["nonce"])
      )
      expect(yield* nonces).toEqual([undefined, "n1"])
      yield* TestClock.adjust("60 seconds")
      expect(yield* Effect.flip(source.get)).toMatchObject({ reason: "Rejected", error: "use_dpop_nonce" })
      expect(yield* nonces).toEqual([undefined, "n1", "n1", "n2"])
      const said = (yield* assertions).map((text) => jose.decodeJwt(text).jti)
      expect(new Set(said).size).toBe(4)
    })
  )

  it.scoped("signs again once by the server's date after invalid_grant", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at * 1000)
      const date = { date: new Date((at + 3600) * 1000).toUTCString() }
      const refused = respond(400, { error: "invalid_grant" }, date)
      const { assertions, source } = yield* bearing([refused, refused, granted()])
      expect(yield* Effect.flip(source.get)).toMatchObject({ reason: "Rejected", error: "invalid_grant" })
      const times = (yield* assertions).map((text) => jose.decodeJwt(text).iat)
      expect(times).toEqual([at, at + 3600])
      yield* TestClock.adjust("1 second")
      yield* source.get
      expect(yield* assertions).toHaveLength(3)
    })
  )

  it.scoped.each<readonly [string, MockClient.Step]>([
    ["without a date", respond(400, { error: "invalid_grant" })],
    [
      "with the client's own time",
      respond(400, { error: "invalid_grant" }, { date: new Date(at * 1000).toUTCString() })
    ],
    [
      "for another reason than invalid_grant",
      respond(400, { error: "invalid_scope" }, { date: new Date(0).toUTCString() })
    ]
  ])("sends no second assertion after a rejection %s", ([_, answer]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at * 1000)
      const { assertions, source } = yield* bearing([answer, granted()])
      expect(yield* Effect.flip(source.get)).toMatchObject({ _tag: "TokenError", reason: "Rejected" })
      expect(yield* assertions).toHaveLength(1)
    })
  )

  it.scoped.each<readonly [string, Effect.Effect<JwtBearer.JwtAssertion>]>([
    ["a public key", Effect.succeed({ key: { key: pair.publicKey } })],
    [
      "an encryption key",
      Effect.promise(() => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"])).pipe(
        Effect.map((key) => ({ key: { key } }))
      )
    ],
    [
      "a shared secret",
      Effect.promise(() => crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"])).pipe(
        Effect.map((key) => ({ key: { key } }))
      )
    ],
    [
      "an RSA key of 1024 bits",
      Effect.promise(() => {
        const algorithm = { name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, hash: "SHA-256" }
        return crypto.subtle.generateKey({ ...algorithm, publicExponent: new Uint8Array([1, 0, 1]) }, false, ["sign"])
      }).pipe(Effect.map(({ privateKey }) => ({ key: { key: privateKey } })))
    ],
    ["claims that are no JSON", Effect.succeed({ key, claims: { n: 1n } })],
    ["claims that cannot be cloned", Effect.succeed({ key, claims: { canary: () => "canary-" } })]
  ])("fails to build the layer with %s", ([_, assertion]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(bearing([], { assertion: yield* assertion }))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(allRenderings(error)).not.toContain("canary-")
    })
  )
})

describe("JwtBearer with an effect", () => {
  const given = Redacted.make("canary-assertion")

  it.scoped("runs the effect for each token, and sends the assertion unchanged", () =>
    Effect.gen(function* () {
      let n = 0
      const assertion = Effect.sync(() => Redacted.make(`canary-${++n}`))
      const { assertions, source } = yield* bearing([granted(), granted()], { assertion })
      yield* source.get
      yield* TestClock.adjust("60 seconds")
      yield* source.get
      expect(yield* assertions).toEqual(["canary-1", "canary-2"])
    })
  )

  it.scoped.each<readonly [string, string, MockClient.Step]>([
    [
      "an error that repeats it",
      "Rejected",
      respond(400, { error: "invalid_grant", error_description: "canary-assertion" })
    ],
    ["a code that repeats it", "Rejected", respond(400, { error: "canary-assertion" })],
    ["a page that repeats it", "Unavailable", respond(200, "<html>canary-assertion")],
    ["a token that is no string", "InvalidResponse", respond(200, { access_token: ["canary-assertion"] })],
    ["a token of another type", "InvalidResponse", granted({ token_type: "N_A" })],
    ["no response", "Unavailable", fail("ECONNRESET")]
  ])("hides the assertion in the error after %s", ([_, reason, answer]) =>
    Effect.gen(function* () {
      const { source } = yield* bearing([answer], { assertion: Effect.succeed(given) })
      const error = yield* Effect.flip(source.get)
      expect(error).toMatchObject({ _tag: "TokenError", reason })
      expect(allRenderings(error)).not.toContain("canary-")
    })
  )

  it.scoped.each([
    [new TokenError({ reason: "ReauthorizationRequired", detail: "sign in" }), "Rejected"],
    [new TokenStoreError({ reason: "ReadFailed", detail: "no such disk" }), "Unavailable"]
  ] as const)("runs the effect again one second after it failed with %s", ([failure, reason]) =>
    Effect.gen(function* () {
      let assertion: Effect.Effect<Redacted.Redacted, TokenError | TokenStoreError> = Effect.fail(failure)
      const { mock, source } = yield* bearing([granted()], { assertion: Effect.suspend(() => assertion) })
      expect(yield* Effect.flip(source.get)).toMatchObject({ _tag: "TokenError", reason, sent: "no" })
      expect(yield* mock.sent).toEqual([])
      assertion = Effect.succeed(given)
      yield* TestClock.adjust("1 second")
      yield* source.get
    })
  )

  it.scoped("stores the token only when account is set", () =>
    Effect.gen(function* () {
      for (const account of [undefined, "ada"]) {
        const { keys, source } = yield* bearing([granted()], { assertion: Effect.succeed(given), account })
        yield* source.get
        expect(keys).toHaveLength(account === undefined ? 0 : 1)
        expect(keys.join()).not.toContain("canary-")
      }
    })
  )
})

describe("JwtBearer with TokenStore", () => {
  it.scoped("stores no refresh token, and does not repeat a request that may have arrived", () =>
    Effect.gen(function* () {
      const script = [granted({ refresh_token: "canary-r" }), fail("ECONNRESET"), granted()]
      const { assertions, kept, source } = yield* bearing(script)
      yield* source.get
      expect(kept.map(({ refreshToken }) => refreshToken)).toEqual([undefined])
      yield* TestClock.adjust("60 seconds")
      expect(yield* Effect.flip(source.get)).toMatchObject({ reason: "Unavailable", sent: "maybe" })
      expect(yield* assertions).toHaveLength(2)
    })
  )

  it.scoped("derives the store key from claims and options, not from jti and times", () =>
    Effect.gen(function* () {
      const keyOf = (options: Options) =>
        Effect.gen(function* () {
          const { keys, source } = yield* bearing([granted()], options)
          yield* source.get
          return keys
        })
      const claimed = (more: Partial<JwtBearer.JwtAssertion>): Options => ({ assertion: { ...signing, ...more } })
      const all = yield* Effect.forEach(
        [
          {},
          {},
          claimed({ subject: "eve" }),
          claimed({ issuer: "robot" }),
          claimed({ audience: "https://login.test" }),
          claimed({ claims: { scope: "a" } }),
          claimed({ claims: { scope: "b" } }),
          { resource: "https://api.test" },
          { scopes: ["a"] },
          { parameters: { realm: "eu" } },
          { account: "grace" }
        ],
        keyOf
      )
      expect(new Set(all.flat()).size).toBe(10)
      expect(all[0]).toEqual(all[1])
    })
  )
})

class Api extends ApiClient.Tag("test/Api")<Api, TokenSourceError>() {}

const Resource = Schema.Struct({ client_id: Schema.String, scope: Schema.String, sub: Schema.String })
const resource = Effect.flatMap(Api, (api) => api.get("/resource", { schema: Resource }))

const jwk = await jose.exportJWK(pair.publicKey)

const onServer = (server: OAuthServer.Options = {}, options: Options = {}) =>
  Api.layer({
    baseUrl: "https://oauth.test",
    timeout: { call: false, exchange: false },
    auth: JwtBearer.layer({
      issuer: "https://oauth.test",
      clientId: "client",
      assertion: signing,
      propagationDelay: 0,
      ...options
    })
  }).pipe(
    Layer.provide(TokenStore.layerMemory),
    Layer.provideMerge(
      OAuthServer.layerMemory({
        clients: { client: { public: true, jwks: { keys: [{ ...jwk, kid: "k1" }] } } },
        ...server
      })
    )
  )

describe("JwtBearer with OAuthServer", () => {
  it.effect("acquires a token for the subject, and another one after a revocation", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      expect(yield* resource).toEqual({ client_id: "client", scope: "read", sub: "ada" })
      yield* server.revokeAccessTokens
      yield* resource
      expect(yield* server.tokenCalls).toBe(2)
    }).pipe(Effect.provide(onServer({}, { scopes: ["read"] })))
  )

  it.effect("signs by the server's clock, which is two hours ahead", () =>
    resource.pipe(Effect.provide(onServer({ clockOffset: 2 * 3600_000 })))
  )

  it.effect("signs by the date of the token endpoint when no metadata were fetched", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* resource
      expect(yield* server.tokenCalls).toBe(2)
    }).pipe(Effect.provide(onServer({ clockOffset: 2 * 3600_000 }, { tokenEndpoint: "https://oauth.test/token" })))
  )

  it.effect("binds the token to the client's key, and sends a new assertion with each proof", () =>
    Effect.gen(function* () {
      let n = 0
      const sign = Effect.suspend(() => {
        n += 1
        const claims = { iss: "client", sub: "ada", aud: "https://oauth.test", iat: 0, exp: 60, jti: `j${n}` }
        return Effect.promise(() => new jose.SignJWT(claims).setProtectedHeader({ alg: "ES256" }).sign(pair.privateKey))
      })
      for (const assertion of [signing, Effect.map(sign, Redacted.make)]) {
        const layer = onServer({ dpop: { required: true, nonce: true } }, { assertion, dpop: yield* Dpop.generateKey })
        yield* Effect.gen(function* () {
          const server = yield* OAuthServer.OAuthServer
          expect(yield* resource).toMatchObject({ sub: "ada" })
          expect(yield* server.tokenCalls).toBe(2)
        }).pipe(Effect.provide(layer))
      }
      expect(n).toBe(2)
    })
  )

  it.effect("fails with invalid_grant when the effect returns the same assertion again", () =>
    Effect.gen(function* () {
      const claims = { iss: "client", sub: "ada", aud: "https://oauth.test", exp: 60, jti: "same" }
      const assertion = yield* Effect.promise(() =>
        new jose.SignJWT(claims).setProtectedHeader({ alg: "ES256" }).sign(pair.privateKey)
      )
      yield* Effect.gen(function* () {
        const server = yield* OAuthServer.OAuthServer
        yield* resource
        yield* server.revokeAccessTokens
        expect(yield* Effect.flip(resource)).toMatchObject({ _tag: "TokenError", error: "invalid_grant" })
      }).pipe(Effect.provide(onServer({}, { assertion: Effect.succeed(Redacted.make(assertion)) })))
    })
  )

  it.effect("fails with invalid_grant for an unknown key, and does not show the assertion", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(resource)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "invalid_grant" })
      expect(allRenderings(error)).not.toContain("eyJ")
    }).pipe(Effect.provide(onServer({ clients: { client: { public: true } } })))
  )
})
