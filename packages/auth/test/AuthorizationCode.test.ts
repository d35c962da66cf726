import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as oauth from "oauth4webapi"
import { issuer } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { runPendingWork } from "./support/pendingWork.js"
import { answerOf, callbackOf, keys, keysNamed, options, redirectUri, signedIn, signingIn } from "./support/signIn.js"

/** Waits for promises of the OAuth library, which the test clock does not control. */
const settled = runPendingWork(50)

const queryOf = (url: string) => Object.fromEntries(new URL(url).searchParams)

const formOf = (body: string | undefined) => Object.fromEntries(new URLSearchParams(body))

describe("AuthorizationCode.start", () => {
  it.effect("builds an authorization URL with a new code challenge, state and nonce", () =>
    Effect.gen(function* () {
      const { start } = yield* signingIn()
      const transaction = yield* start()
      const { code_challenge: challenge, nonce, state, ...query } = queryOf(transaction.url)
      expect(transaction.url.startsWith(`${issuer}/authorize?`)).toBe(true)
      expect(query).toEqual({
        response_type: "code",
        client_id: "client",
        redirect_uri: redirectUri,
        scope: "openid read",
        code_challenge_method: "S256"
      })
      const expected = yield* Effect.promise(() =>
        oauth.calculatePKCECodeChallenge(Redacted.value(transaction.verifier))
      )
      expect(challenge).toBe(expected)
      expect([state, nonce]).toEqual([transaction.state, transaction.nonce])
      expect(transaction.expiresAt).toBe(600_000)
      const other = yield* start()
      expect(other.state).not.toBe(transaction.state)
      expect(other.nonce).not.toBe(transaction.nonce)
      expect(Redacted.value(other.verifier)).not.toBe(Redacted.value(transaction.verifier))
    })
  )

  it.effect("sends no nonce without the scope openid", () =>
    Effect.gen(function* () {
      const transaction = yield* (yield* signingIn({ scopes: ["read"] })).start()
      expect(queryOf(transaction.url)).not.toHaveProperty("nonce")
    })
  )

  it.effect("sends resource and parameters, and prefers parameters of start to those of the options", () =>
    Effect.gen(function* () {
      const { start } = yield* signingIn({
        resource: "https://api.test",
        parameters: { prompt: "login", max_age: "5" }
      })
      const transaction = yield* start({ login_hint: "ada", prompt: "consent" })
      const said = { resource: "https://api.test", prompt: "consent", login_hint: "ada", max_age: "5" }
      expect(queryOf(transaction.url)).toMatchObject(said)
      expect(transaction.maxAge).toBe(5)
    })
  )

  it.effect("adds the scopes, acr_values, max_age and claims of a step-up challenge", () =>
    Effect.gen(function* () {
      const { start } = yield* signingIn({ scopes: ["openid", "read"] })
      const claims = '{"userinfo":{"acr":null}}'
      const demand = { scopes: ["write", "read"], acrValues: ["gold", "silver"], maxAge: 5, claims }
      const transaction = yield* start({ login_hint: "ada" }, demand)
      expect(queryOf(transaction.url)).toMatchObject({
        scope: "openid read write",
        acr_values: "gold silver",
        max_age: "5",
        claims,
        login_hint: "ada"
      })
      expect(transaction.maxAge).toBe(5)
    })
  )

  it.effect("keeps the query of the authorization endpoint, except for state", () =>
    Effect.gen(function* () {
      const { start } = yield* signingIn({}, { authorization_endpoint: `${issuer}/authorize?tenant=7&state=x` })
      const { state, url } = yield* start()
      expect(queryOf(url)).toMatchObject({ tenant: "7", state, client_id: "client" })
    })
  )

  it.effect("sends dpop_jkt when the client has a DPoP key", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* signingIn({ dpop: yield* Dpop.generateKey })).start()
      expect(queryOf(url)["dpop_jkt"]).toMatch(/^[\w-]{43}$/)
    })
  )

  it.effect.each(["state", "redirect_uri", "code_challenge_method", "nonce", "response_type", "request_uri"])(
    "rejects the parameter %s of start",
    (name) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip((yield* signingIn()).start({ [name]: "plain" }))
        expect(error).toMatchObject({ _tag: "InvalidRequest" })
        expect(error.message).toContain(name)
      })
  )

  it.effect.each(["-1", "1.5", "soon", "1e3", ""])("rejects max_age=%s", (value) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip((yield* signingIn()).start({ max_age: value }))).toMatchObject({
        _tag: "InvalidRequest"
      })
    })
  )

  it.effect("rejects a server that supports only the code challenge method plain", () =>
    Effect.gen(function* () {
      const { start } = yield* signingIn({}, { code_challenge_methods_supported: ["plain"] })
      expect(yield* Effect.flip(start())).toMatchObject({ _tag: "TokenError", reason: "Rejected" })
    })
  )

  it.effect.each([undefined, []])("uses S256 when the metadata list no code challenge methods", (methods) =>
    Effect.gen(function* () {
      const { start } = yield* signingIn({}, { code_challenge_methods_supported: methods })
      expect(queryOf((yield* start()).url)).toMatchObject({ code_challenge_method: "S256" })
    })
  )

  it.effect.each<readonly [string, object]>([
    ["no authorization endpoint", { authorization_endpoint: undefined }],
    ["an authorization endpoint without TLS", { authorization_endpoint: "http://auth.test/authorize" }],
    ["a javascript: URL as authorization endpoint", { authorization_endpoint: "javascript:alert(1)" }],
    ["a number as authorization endpoint", { authorization_endpoint: 7 }],
    ["no jwks_uri", { jwks_uri: undefined }],
    ["a jwks_uri without TLS", { jwks_uri: "http://auth.test/jwks" }]
  ])("rejects metadata with %s", ([_, metadata]) =>
    Effect.gen(function* () {
      const { start } = yield* signingIn({}, metadata)
      expect(yield* Effect.flip(start())).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
    })
  )

  it.effect.each([
    "http://app.test/callback",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://app.test/callback#x",
    "https://app.test/callback#",
    "https://u:p@app.test/callback",
    "http://localhost.evil.test/callback",
    "/callback"
  ])("rejects the redirect URI %s", (uri) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(signingIn({ redirectUri: uri }))).toMatchObject({ _tag: "InvalidRequest" })
    })
  )

  it.effect.each(["http://127.0.0.1:7/callback", "http://[::1]:7/", "http://localhost:3000/", "com.example.app:/done"])(
    "accepts the redirect URI %s",
    (uri) =>
      Effect.gen(function* () {
        const { url } = yield* (yield* signingIn({ redirectUri: uri })).start()
        expect(queryOf(url)["redirect_uri"]).toBe(uri)
      })
  )

  it.effect("encodes a transaction with its verifier as JSON, and prints it without", () =>
    Effect.gen(function* () {
      const { answering, start, complete } = yield* signingIn()
      const transaction = yield* start()
      const Json = Schema.parseJson(AuthorizationCode.Transaction)
      const text = yield* Schema.encode(Json)(transaction)
      const verifier = Redacted.value(transaction.verifier)
      expect(text).toContain(verifier)
      expect(allRenderings(transaction)).not.toContain(verifier)
      answering({ "/token": yield* answerOf(transaction.nonce) })
      const { token } = yield* complete(yield* Schema.decode(Json)(text), callbackOf(transaction))
      expect(Redacted.value(token.accessToken)).toBe("canary-access")
    })
  )
})

describe("AuthorizationCode.complete", () => {
  it.effect("returns the token and the claims of the ID token", () =>
    Effect.gen(function* () {
      const { end, mock, transaction } = yield* signedIn()
      const { claims, idToken, token } = yield* end
      expect(claims).toMatchObject({ iss: issuer, sub: "ada", aud: "client" })
      expect(idToken && Redacted.value(idToken).split(".")).toHaveLength(3)
      expect(token).toMatchObject({ tokenType: "Bearer", expiresAt: 60_000 })
      const post = (yield* mock.sent).find(({ method }) => method === "POST")
      expect(formOf(post?.body)).toEqual({
        grant_type: "authorization_code",
        code: "canary-code",
        redirect_uri: redirectUri,
        code_verifier: Redacted.value(transaction.verifier)
      })
    })
  )

  it.effect("returns no claims without the scope openid, although an ID token was sent", () =>
    Effect.gen(function* () {
      const { end } = yield* signedIn({}, { scopes: ["read"] }, { jwks_uri: undefined })
      expect(yield* end).toMatchObject({ claims: undefined, idToken: undefined })
    })
  )

  it.effect("sends resource in the token request", () =>
    Effect.gen(function* () {
      const { end, mock } = yield* signedIn({}, { resource: "https://api.test" })
      yield* end
      const post = (yield* mock.sent).find(({ method }) => method === "POST")
      expect(formOf(post?.body)).toMatchObject({ resource: "https://api.test" })
    })
  )

  it.effect("takes expiresAt from the token's exp, by the server's clock, when expires_in is missing", () =>
    Effect.gen(function* () {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
      const accessToken = `${part({ alg: "ES256" })}.${part({ exp: 3600 + 90 })}.c2ln`
      const { end } = yield* signedIn({ ahead: 3_600_000, token: { access_token: accessToken, expires_in: undefined } })
      expect((yield* end).token.expiresAt).toBe(90_000)
    })
  )

  it.effect("accepts the callback as URLSearchParams", () =>
    Effect.gen(function* () {
      const { complete, transaction } = yield* signedIn()
      const { searchParams } = new URL(callbackOf(transaction))
      expect((yield* complete(transaction, searchParams)).claims?.sub).toBe("ada")
    })
  )

  it.effect("signs in a public client with configured endpoints, without discovery", () =>
    Effect.gen(function* () {
      const named = {
        clientSecret: undefined,
        clientAuthentication: ClientAuthentication.none,
        tokenEndpoint: `${issuer}/token`,
        authorizationEndpoint: `${issuer}/authorize`,
        jwksUri: `${issuer}/jwks`
      }
      const { end, mock } = yield* signedIn({}, named)
      expect((yield* end).claims?.sub).toBe("ada")
      expect((yield* mock.sent).map(({ url }) => new URL(url).pathname)).toEqual(["/token", "/jwks"])
    })
  )

  it.effect("stores the token for RefreshToken, and replaces it after the next sign-in", () =>
    Effect.gen(function* () {
      const { answering, end, transaction } = yield* signedIn()
      const of = { ...options, account: "ada" }
      const refreshing = Layer.provideMerge(
        RefreshToken.layer(of),
        Layer.merge(TokenStore.layerMemory, Layer.succeed(HttpClient.HttpClient, (yield* MockClient.make([])).client))
      )
      yield* Effect.gen(function* () {
        yield* AuthorizationCode.storeToken(of, yield* end)
        const { get } = yield* TokenSource.TokenSource
        const { token } = yield* get
        expect(Redacted.value(token.accessToken)).toBe("canary-access")
        expect(token.owner).toEqual({ issuer, client: "client", account: "ada", audience: undefined })
        // A second sign-in replaces the stored token.
        answering({ "/token": yield* answerOf(transaction.nonce, { token: { access_token: "canary-2" } }) })
        const again = { token: { ...token, accessToken: Redacted.make("canary-2") } }
        yield* AuthorizationCode.storeToken(of, again)
        const stored = yield* Effect.flatMap(TokenStore.TokenStore, (store) => store.get(RefreshToken.keyOf(of)))
        expect(stored).toMatchObject({ value: { version: 2 } })
      }).pipe(Effect.provide(refreshing))
    })
  )

  it.effect("sends the code once after ECONNRESET, because it may have arrived", () =>
    Effect.gen(function* () {
      const { answering, end, posts } = yield* signedIn()
      answering({ "/token": MockClient.fail("ECONNRESET") })
      expect(yield* Effect.flip(end)).toMatchObject({ reason: "Unavailable", sent: "maybe" })
      expect(yield* posts).toEqual(["POST /token"])
    })
  )

  it.effect("sends the code again after ECONNREFUSED", () =>
    Effect.gen(function* () {
      const { answering, end, posts, transaction } = yield* signedIn()
      answering({ "/token": MockClient.fail("ECONNREFUSED") })
      const fiber = yield* Effect.fork(end)
      while ((yield* posts).length === 0) yield* settled
      yield* settled
      answering({ "/token": yield* answerOf(transaction.nonce) })
      yield* TestClock.adjust("250 millis")
      expect((yield* Fiber.join(fiber)).claims?.sub).toBe("ada")
      expect(yield* posts).toEqual(["POST /token", "POST /token"])
    })
  )

  it.effect("accepts ID tokens of a new signing key and of the previous one", () =>
    Effect.gen(function* () {
      const { answering, start, end, complete, mock } = yield* signedIn()
      yield* end
      answering({ "/jwks": keysNamed("next") })
      for (const kid of ["next", "k"]) {
        const transaction = yield* start()
        answering({ "/token": yield* answerOf(transaction.nonce, { header: { kid } }) })
        const exit = yield* Effect.exit(complete(transaction, callbackOf(transaction)))
        // The first key set stays cached for at least a minute, so the previous key is still accepted.
        expect(Exit.isSuccess(exit)).toBe(true)
      }
      expect((yield* mock.sent).filter(({ url }) => url.endsWith("/jwks"))).toHaveLength(2)
    })
  )

  it.effect("fetches the keys a second time, not more, when the kid is unknown", () =>
    Effect.gen(function* () {
      const { end, mock } = yield* signedIn({ header: { kid: "unknown" } })
      expect((yield* Effect.flip(end)).detail).toContain("no key")
      expect((yield* mock.sent).filter(({ url }) => url.endsWith("/jwks"))).toHaveLength(2)
    })
  )

  it.effect("fetches the keys again after a 503, without a second token request", () =>
    Effect.gen(function* () {
      const { answering, end, mock, posts } = yield* signedIn()
      answering({ "/jwks": MockClient.respond(503, "busy") })
      const fiber = yield* Effect.fork(end)
      while (!(yield* mock.sent).some(({ url }) => url.endsWith("/jwks"))) yield* settled
      yield* settled
      answering({ "/jwks": keys })
      yield* TestClock.adjust("500 millis")
      expect((yield* Fiber.join(fiber)).claims?.sub).toBe("ada")
      expect(yield* posts).toEqual(["POST /token"])
    })
  )

  it.effect("accepts plain http on loopback with dangerouslyAllowHttpOnLoopback, and on no other host", () =>
    Effect.gen(function* () {
      const on = "http://127.0.0.1:9"
      const plain: Partial<AuthorizationCode.Options> = {
        issuer: on,
        transport: OAuth2.dangerouslyAllowHttpOnLoopback,
        scopes: ["read"]
      }
      const metadata = { issuer: on, token_endpoint: `${on}/token`, authorization_endpoint: `${on}/authorize` }
      expect((yield* (yield* signingIn(plain, metadata)).start()).url).toContain(`${on}/authorize?`)
      const elsewhere = { ...metadata, authorization_endpoint: "http://evil.test/authorize" }
      expect(yield* Effect.flip((yield* signingIn(plain, elsewhere)).start())).toMatchObject({
        reason: "InvalidResponse"
      })
    })
  )
})
