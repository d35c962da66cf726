import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Http from "node:http"
import * as Client from "./support/oauthClient.js"

const redirectUris = ["https://app.test/callback", "https://app.test/other"]
const clients = {
  web: { secret: "secret", redirectUris },
  other: { secret: "secret", redirectUris },
  cli: { redirectUris: ["http://127.0.0.1/callback", "http://[::1]/callback", "https://app.test/callback"] },
  robot: { secret: "secret", redirectUris, grantTypes: ["client_credentials"] }
}

const memory = (options: OAuthServer.Options = {}) => Client.memory({ clients, ...options })

const code = Effect.map(Client.authorize(Client.request), ({ sent }) => sent["code"])

const port = OAuthServer.layer({ clients }).pipe(
  Layer.provide(NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })),
  Layer.provideMerge(NodeHttpClient.layerUndici)
)

describe("on a real port", () => {
  it.live("a user signs in, a device is approved on its page, and what they got is told and revoked", () =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      const { sent } = yield* Client.authorize({ ...Client.request, scope: "openid" })
      expect(sent["iss"]).toBe(issuer)
      const tokens = yield* Client.redeem(sent["code"])
      expect(Client.claimsOf(tokens.id_token)).toMatchObject({ iss: issuer, aud: "web" })
      const { device_code, user_code } = (yield* Client.post("/device_authorization", {})).json
      expect((yield* Client.post("/device", { user_code, decision: "approve" }, {})).status).toBe(200)
      const grant_type = "urn:ietf:params:oauth:grant-type:device_code"
      const { access_token } = yield* Client.token({ grant_type, device_code })
      expect((yield* Client.resource(access_token)).status).toBe(200)
      yield* Client.post("/revoke", { token: tokens.refresh_token })
      const told = yield* Client.post("/introspect", { token: tokens.access_token })
      expect(told.json).toEqual({ active: false })
    }).pipe(Effect.provide(port))
  )
})

describe("the authorization endpoint", () => {
  it.effect("sends the user back with a code, the state and the issuer, and the code gives tokens", () =>
    Effect.gen(function* () {
      const { location, sent, status } = yield* Client.authorize({ ...Client.request, scope: "read" })
      expect(status).toBe(303)
      expect(location).toMatch(/^https:\/\/app\.test\/callback\?/)
      expect(sent).toEqual({ code: expect.any(String), state: "s", iss: "https://oauth.test" })
      const tokens = yield* Client.redeem(sent["code"])
      expect(tokens).toMatchObject({ token_type: "Bearer", scope: "read", refresh_token: expect.any(String) })
      const response = yield* Client.resource(tokens.access_token)
      expect(yield* response.json).toEqual({ ok: true, client_id: "web", scope: "read", sub: "user" })
    }).pipe(memory())
  )

  const unsafe: ReadonlyArray<readonly [string, Client.Params]> = [
    ["an unknown client", { client_id: "x" }],
    ["no redirect_uri", { redirect_uri: "" }],
    ["a redirect_uri with another path", { redirect_uri: "https://app.test/callback/" }],
    ["a redirect_uri with a query", { redirect_uri: "https://app.test/callback?x=1" }],
    [
      "a redirect_uri with a port, which only loopback addresses may have",
      { redirect_uri: "https://app.test:8443/callback" }
    ],
    ["a redirect_uri that only looks like one", { redirect_uri: "https://app.test.evil.test/callback" }],
    ["the same loopback path by name", { client_id: "cli", redirect_uri: "http://localhost:1/callback" }],
    ["a loopback address that goes on", { client_id: "cli", redirect_uri: "http://127.0.0.1:1@evil.test/callback" }]
  ]
  it.effect.each(unsafe)("%s is told on a page, and the user is sent nowhere", ([, params]) =>
    Effect.gen(function* () {
      const { location, status } = yield* Client.authorize({ ...Client.request, ...params })
      expect([status, location]).toEqual([400, undefined])
    }).pipe(memory())
  )

  it.effect("a parameter that comes twice is told on a page, too", () =>
    Effect.gen(function* () {
      const twice = new URLSearchParams([...Object.entries(Client.request), ["state", "t"]])
      expect(yield* Client.authorize(twice)).toMatchObject({ status: 400, location: undefined })
    }).pipe(memory())
  )

  it.effect("a loopback address has the port that the application got", () =>
    Effect.gen(function* () {
      for (const redirect_uri of ["http://127.0.0.1:49152/callback", "http://[::1]:1/callback"]) {
        const { location, sent } = yield* Client.authorize({ ...Client.request, client_id: "cli", redirect_uri })
        expect(location?.startsWith(`${redirect_uri}?`)).toBe(true)
        const more = { client_id: "cli", redirect_uri }
        expect(yield* Client.redeem(sent["code"], more, {})).toHaveProperty("access_token")
      }
    }).pipe(memory())
  )

  const wrong: ReadonlyArray<readonly [string, Client.Params, string]> = [
    ["no response_type", { response_type: "" }, "invalid_request"],
    ["the implicit flow", { response_type: "token" }, "unsupported_response_type"],
    ["no challenge", { code_challenge: "" }, "invalid_request"],
    ["a plain challenge", { code_challenge_method: "plain" }, "invalid_request"],
    ["a challenge without its method, which means plain", { code_challenge_method: "" }, "invalid_request"],
    ["a challenge that is no hash", { code_challenge: "short" }, "invalid_request"],
    ["an unknown scope", { scope: "read admin" }, "invalid_scope"],
    ["an unknown resource", { resource: "https://evil.test/" }, "invalid_target"],
    ["a resource that is no URI", { resource: "api" }, "invalid_target"],
    ["a client that may not", { client_id: "robot" }, "unauthorized_client"]
  ]
  it.effect.each(wrong)("%s goes back to the client as an error with state and issuer", ([, params, error]) =>
    Effect.gen(function* () {
      const { sent, status } = yield* Client.authorize({ ...Client.request, ...params })
      expect(status).toBe(303)
      expect(sent).toEqual({ error, error_description: expect.any(String), state: "s", iss: "https://oauth.test" })
    }).pipe(memory({ scopes: ["read"], resources: ["https://api.test/"] }))
  )

  it.effect("a user who denies sends the client away without a code", () =>
    Effect.gen(function* () {
      const { sent } = yield* Client.authorize(Client.request)
      expect(sent).toMatchObject({ error: "access_denied", state: "s" })
      expect(sent).not.toHaveProperty("code")
    }).pipe(memory({ consent: "deny" }))
  )

  it.effect("a user who decides sees a page, and presses a button of it once", () =>
    Effect.gen(function* () {
      const { approve, deny, pendingConsents } = yield* OAuthServer.OAuthServer
      const { location, page, status } = yield* Client.authorize({ ...Client.request, scope: "read write" })
      expect([status, location]).toEqual([200, undefined])
      const id = /name="id" value="(\w+)"/.exec(page)![1]!
      expect(yield* pendingConsents).toEqual([{ id, clientId: "web", scope: "read write" }])
      const pressed = yield* Client.post("/authorize", { id, decision: "approve" }, {})
      expect(pressed.status).toBe(303)
      expect(new URL(pressed.headers["location"]!).searchParams.has("code")).toBe(true)
      expect((yield* Client.post("/authorize", { id, decision: "approve" }, {})).status).toBe(400)
      expect([yield* approve(id), yield* deny(id), yield* pendingConsents]).toEqual([undefined, undefined, []])
    }).pipe(memory({ consent: "manual" }))
  )

  it.effect("a test decides in the user's place, as whom and for how much it wants", () =>
    Effect.gen(function* () {
      const { approve, deny, pendingConsents } = yield* OAuthServer.OAuthServer
      yield* Client.authorize({ ...Client.request, scope: "openid read" })
      yield* Client.authorize(Client.request)
      const [first, second] = yield* pendingConsents
      const approved = new URL((yield* approve(first!.id, { subject: "ada", scope: "openid" }))!)
      const tokens = yield* Client.redeem(approved.searchParams.get("code")!)
      expect(tokens["scope"]).toBe("openid")
      expect(Client.claimsOf(tokens.id_token)).toMatchObject({ sub: "ada" })
      expect(new URL((yield* deny(second!.id))!).searchParams.get("error")).toBe("access_denied")
    }).pipe(memory({ consent: "manual" }))
  )

  it.effect("sends what an attacker would, where it is told to", () =>
    Effect.gen(function* () {
      const { sent } = yield* Client.authorize(Client.request)
      expect(sent).toEqual({ code: expect.any(String), iss: "https://evil.test" })
      const { issuer } = yield* OAuthServer.OAuthServer
      const metadata = yield* (yield* HttpClient.get(`${issuer}/.well-known/openid-configuration`)).json
      expect(metadata).toMatchObject({ issuer: "https://evil.test", token_endpoint: "https://oauth.test/token" })
    }).pipe(
      memory({
        overrides: {
          redirect: { iss: "https://evil.test", state: undefined },
          metadata: { issuer: "https://evil.test" }
        }
      })
    )
  )
})

describe("an authorization code", () => {
  const wrong: ReadonlyArray<readonly [string, Client.Params]> = [
    ["a wrong verifier", { code_verifier: "x".repeat(43) }],
    ["the challenge as its verifier", { code_verifier: Client.challenge }],
    ["no verifier", { code_verifier: "" }],
    ["another redirect_uri of the client", { redirect_uri: "https://app.test/other" }],
    ["no redirect_uri", { redirect_uri: "" }]
  ]
  it.effect.each(wrong)("with %s is refused, and spent", ([, params]) =>
    Effect.gen(function* () {
      const theirs = yield* code
      expect(yield* Client.redeem(theirs, params)).toMatchObject({ error: "invalid_grant" })
      expect(yield* Client.redeem(theirs)).toMatchObject({ error: "invalid_grant" })
    }).pipe(memory())
  )

  it.effect("of one client is unknown to another, and stays good", () =>
    Effect.gen(function* () {
      const theirs = yield* code
      expect(yield* Client.redeem(theirs, {}, Client.basic("other"))).toMatchObject({ error: "invalid_grant" })
      expect(yield* Client.redeem(theirs)).toHaveProperty("access_token")
    }).pipe(memory())
  )

  it.effect("that comes again is refused, and what it gave is dead", () =>
    Effect.gen(function* () {
      const { findFamily } = yield* OAuthServer.OAuthServer
      const theirs = yield* code
      const first = yield* Client.redeem(theirs)
      expect((yield* Client.resource(first.access_token)).status).toBe(200)
      expect(yield* Client.redeem(theirs)).toMatchObject({ error: "invalid_grant" })
      expect((yield* Client.resource(first.access_token)).status).toBe(401)
      const refresh = { grant_type: "refresh_token", refresh_token: first.refresh_token }
      expect(yield* Client.token(refresh)).toMatchObject({ error: "invalid_grant" })
      expect(yield* findFamily(first.refresh_token)).toMatchObject({ ended: { by: "code" } })
    }).pipe(memory())
  )

  it.effect("that ten clients use at the same time gives tokens once", () =>
    Effect.gen(function* () {
      const theirs = yield* code
      const answers = yield* Effect.all(
        Array.from({ length: 10 }, () => Client.redeem(theirs)),
        { concurrency: "unbounded" }
      )
      expect(answers.filter((answer) => "access_token" in answer)).toHaveLength(1)
    }).pipe(memory())
  )

  it.effect("is good for ten minutes, to the millisecond", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* code, yield* code]
      yield* TestClock.adjust("10 minutes")
      expect(yield* Client.redeem(first)).toMatchObject({ error: "invalid_grant" })
      const third = yield* code
      yield* TestClock.adjust(10 * 60_000 - 1)
      expect(yield* Client.redeem(third)).toHaveProperty("access_token")
      expect(yield* Client.redeem(second)).toMatchObject({ error: "invalid_grant" })
    }).pipe(memory())
  )

  it.effect("that was asked for without a challenge takes no verifier: somebody has removed the challenge", () =>
    Effect.gen(function* () {
      const without = { ...Client.request, code_challenge: "", code_challenge_method: "" }
      const { sent } = yield* Client.authorize(without)
      expect(yield* Client.redeem(sent["code"])).toMatchObject({ error: "invalid_grant" })
      const again = yield* Client.authorize(without)
      expect(yield* Client.redeem(again.sent["code"], { code_verifier: "" })).toHaveProperty("access_token")
    }).pipe(memory({ pkce: "optional" }))
  )

  it.effect("gives no refresh token to a client that may not use one", () =>
    Effect.gen(function* () {
      const tokens = yield* Client.redeem(yield* code)
      expect(tokens).not.toHaveProperty("refresh_token")
    }).pipe(memory({ clients: { web: { secret: "secret", redirectUris, grantTypes: ["authorization_code"] } } }))
  )
})

describe("an ID token", () => {
  const signedIn = (params: Client.Params = {}) =>
    Effect.gen(function* () {
      const { sent } = yield* Client.authorize({ ...Client.request, scope: "openid", nonce: "n", ...params })
      return yield* Client.redeem(sent["code"])
    })

  /** Whether one of the keys that the server publishes has signed it. */
  const isSigned = (jwt: string) =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      // The cast spares the test a schema; another answer fails it.
      const { keys } = (yield* (yield* HttpClient.get(`${issuer}/jwks`)).json) as { keys: Array<JsonWebKey> }
      const [head, body, signature] = jwt.split(".")
      return yield* Effect.promise(async () => {
        const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
        const key = await crypto.subtle.importKey("jwk", keys[0]!, algorithm, false, ["verify"])
        const signed = new TextEncoder().encode(`${head}.${body}`)
        return crypto.subtle.verify(algorithm, key, Buffer.from(signature!, "base64url"), signed)
      })
    })

  it.effect("comes for the scope openid, tells who the user is, and is signed by the key that is published", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { id_token } = yield* signedIn()
      const times = { iat: 1000, exp: 4600, auth_time: 1000 }
      const expected = { iss: "https://oauth.test", sub: "user", aud: "web", nonce: "n", ...times }
      expect(Client.claimsOf(id_token)).toEqual(expected)
      expect(yield* isSigned(id_token)).toBe(true)
      expect(yield* signedIn({ scope: "read" })).not.toHaveProperty("id_token")
    }).pipe(memory())
  )

  it.effect("is not verified by the key that comes after a rotation, and the next one is", () =>
    Effect.gen(function* () {
      const before = yield* signedIn()
      yield* (yield* OAuthServer.OAuthServer).rotateKeys
      expect(yield* isSigned(before.id_token)).toBe(false)
      expect(yield* isSigned((yield* signedIn()).id_token)).toBe(true)
    }).pipe(memory())
  )

  it.effect("comes with a refresh, too, without the nonce, and has claims that a test alters", () =>
    Effect.gen(function* () {
      const { id_token, refresh_token } = yield* signedIn()
      expect(Client.claimsOf(id_token)).toMatchObject({ nonce: "replayed", iat: -3600 })
      const next = yield* Client.token({ grant_type: "refresh_token", refresh_token })
      expect(next).toHaveProperty("id_token")
    }).pipe(memory({ overrides: { idToken: { nonce: "replayed" } }, clockOffset: -3_600_000 }))
  )

  it.effect("and the user endpoint tells the same user, to a token with the scope openid only", () =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      const told = (token: string) =>
        HttpClient.get(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
      const { access_token } = yield* signedIn()
      expect(yield* (yield* told(access_token)).json).toEqual({ sub: "user" })
      expect((yield* told((yield* signedIn({ scope: "read" })).access_token)).status).toBe(403)
      expect((yield* told("x")).status).toBe(401)
    }).pipe(memory())
  )
})
