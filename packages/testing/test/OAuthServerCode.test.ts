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

describe("OAuthServer on a real port", () => {
  it.live("runs sign-in, device authorization, revocation and introspection", () =>
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
      const userinfo = yield* Client.post("/introspect", { token: tokens.access_token })
      expect(userinfo.json).toEqual({ active: false })
    }).pipe(Effect.provide(port))
  )
})

describe("OAuthServer /authorize", () => {
  it.effect("redirects with code, state and issuer, and exchanges the code for tokens", () =>
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
    ["a missing redirect_uri", { redirect_uri: "" }],
    ["a redirect_uri with another path", { redirect_uri: "https://app.test/callback/" }],
    ["a redirect_uri with a query", { redirect_uri: "https://app.test/callback?x=1" }],
    ["a redirect_uri with a port outside of loopback", { redirect_uri: "https://app.test:8443/callback" }],
    ["a redirect_uri on a look-alike host", { redirect_uri: "https://app.test.evil.test/callback" }],
    ["a redirect_uri on localhost by name", { client_id: "cli", redirect_uri: "http://localhost:1/callback" }],
    [
      "a redirect_uri with a loopback address as user",
      { client_id: "cli", redirect_uri: "http://127.0.0.1:1@evil.test/callback" }
    ]
  ]
  it.effect.each(unsafe)("shows %s on a page, without a redirect", ([, params]) =>
    Effect.gen(function* () {
      const { location, status } = yield* Client.authorize({ ...Client.request, ...params })
      expect([status, location]).toEqual([400, undefined])
    }).pipe(memory())
  )

  it.effect("shows a repeated parameter on a page, without a redirect", () =>
    Effect.gen(function* () {
      const twice = new URLSearchParams([...Object.entries(Client.request), ["state", "t"]])
      expect(yield* Client.authorize(twice)).toMatchObject({ status: 400, location: undefined })
    }).pipe(memory())
  )

  it.effect("accepts any port of a loopback redirect_uri", () =>
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
    ["a missing response_type", { response_type: "" }, "invalid_request"],
    ["the implicit flow", { response_type: "token" }, "unsupported_response_type"],
    ["a missing code_challenge", { code_challenge: "" }, "invalid_request"],
    ["a plain code_challenge", { code_challenge_method: "plain" }, "invalid_request"],
    ["a code_challenge without method, which means plain", { code_challenge_method: "" }, "invalid_request"],
    ["a code_challenge of wrong length", { code_challenge: "short" }, "invalid_request"],
    ["an unknown scope", { scope: "read admin" }, "invalid_scope"],
    ["an unknown resource", { resource: "https://evil.test/" }, "invalid_target"],
    ["a relative resource", { resource: "api" }, "invalid_target"],
    ["a client without this grant", { client_id: "robot" }, "unauthorized_client"]
  ]
  it.effect.each(wrong)("reports %s to the client with state and issuer", ([, params, error]) =>
    Effect.gen(function* () {
      const { sent, status } = yield* Client.authorize({ ...Client.request, ...params })
      expect(status).toBe(303)
      expect(sent).toEqual({ error, error_description: expect.any(String), state: "s", iss: "https://oauth.test" })
    }).pipe(memory({ scopes: ["read"], resources: ["https://api.test/"] }))
  )

  it.effect("redirects without a code when the user denies", () =>
    Effect.gen(function* () {
      const { sent } = yield* Client.authorize(Client.request)
      expect(sent).toMatchObject({ error: "access_denied", state: "s" })
      expect(sent).not.toHaveProperty("code")
    }).pipe(memory({ consent: "deny" }))
  )

  it.effect("shows a consent page and accepts one decision from it", () =>
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

  it.effect("decides for the user with approve and deny, with any subject and scope", () =>
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

  it.effect("sends manipulated metadata and redirect parameters with overrides", () =>
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

describe("OAuthServer authorization codes", () => {
  const wrong: ReadonlyArray<readonly [string, Client.Params]> = [
    ["a wrong verifier", { code_verifier: "x".repeat(43) }],
    ["the challenge as its verifier", { code_verifier: Client.challenge }],
    ["a missing verifier", { code_verifier: "" }],
    ["another redirect_uri of the client", { redirect_uri: "https://app.test/other" }],
    ["a missing redirect_uri", { redirect_uri: "" }]
  ]
  it.effect.each(wrong)("rejects an exchange with %s and uses up the code", ([, params]) =>
    Effect.gen(function* () {
      const theirs = yield* code
      expect(yield* Client.redeem(theirs, params)).toMatchObject({ error: "invalid_grant" })
      expect(yield* Client.redeem(theirs)).toMatchObject({ error: "invalid_grant" })
    }).pipe(memory())
  )

  it.effect("rejects the code of another client and keeps it valid", () =>
    Effect.gen(function* () {
      const theirs = yield* code
      expect(yield* Client.redeem(theirs, {}, Client.basic("other"))).toMatchObject({ error: "invalid_grant" })
      expect(yield* Client.redeem(theirs)).toHaveProperty("access_token")
    }).pipe(memory())
  )

  it.effect("rejects a reused code and revokes its tokens", () =>
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

  it.effect("issues tokens once for ten concurrent exchanges", () =>
    Effect.gen(function* () {
      const theirs = yield* code
      const answers = yield* Effect.all(
        Array.from({ length: 10 }, () => Client.redeem(theirs)),
        { concurrency: "unbounded" }
      )
      expect(answers.filter((answer) => "access_token" in answer)).toHaveLength(1)
    }).pipe(memory())
  )

  it.effect("accepts a code for ten minutes, to the millisecond", () =>
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

  it.effect("rejects a verifier for a code without a challenge", () =>
    Effect.gen(function* () {
      const without = { ...Client.request, code_challenge: "", code_challenge_method: "" }
      const { sent } = yield* Client.authorize(without)
      expect(yield* Client.redeem(sent["code"])).toMatchObject({ error: "invalid_grant" })
      const again = yield* Client.authorize(without)
      expect(yield* Client.redeem(again.sent["code"], { code_verifier: "" })).toHaveProperty("access_token")
    }).pipe(memory({ pkce: "optional" }))
  )

  it.effect("omits the refresh token for a client without that grant", () =>
    Effect.gen(function* () {
      const tokens = yield* Client.redeem(yield* code)
      expect(tokens).not.toHaveProperty("refresh_token")
    }).pipe(memory({ clients: { web: { secret: "secret", redirectUris, grantTypes: ["authorization_code"] } } }))
  )
})

describe("OAuthServer ID tokens", () => {
  const signedIn = (params: Client.Params = {}) =>
    Effect.gen(function* () {
      const { sent } = yield* Client.authorize({ ...Client.request, scope: "openid", nonce: "n", ...params })
      return yield* Client.redeem(sent["code"])
    })

  /** Whether a published key verifies the signature. */
  const isSigned = (jwt: string) =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      // The cast avoids a schema. Another response fails the test.
      const { keys } = (yield* (yield* HttpClient.get(`${issuer}/jwks`)).json) as { keys: Array<JsonWebKey> }
      const [head, body, signature] = jwt.split(".")
      return yield* Effect.promise(async () => {
        const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
        const key = await crypto.subtle.importKey("jwk", keys[0]!, algorithm, false, ["verify"])
        const signed = new TextEncoder().encode(`${head}.${body}`)
        return crypto.subtle.verify(algorithm, key, Buffer.from(signature!, "base64url"), signed)
      })
    })

  it.effect("adds a signed ID token for the scope openid", () =>
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

  it.effect("signs with a new key after rotateKeys", () =>
    Effect.gen(function* () {
      const before = yield* signedIn()
      yield* (yield* OAuthServer.OAuthServer).rotateKeys
      expect(yield* isSigned(before.id_token)).toBe(false)
      expect(yield* isSigned((yield* signedIn()).id_token)).toBe(true)
    }).pipe(memory())
  )

  it.effect("adds an ID token to a refresh, and overrides claims", () =>
    Effect.gen(function* () {
      const { id_token, refresh_token } = yield* signedIn()
      expect(Client.claimsOf(id_token)).toMatchObject({ nonce: "replayed", iat: -3600 })
      const next = yield* Client.token({ grant_type: "refresh_token", refresh_token })
      expect(next).toHaveProperty("id_token")
    }).pipe(memory({ overrides: { idToken: { nonce: "replayed" } }, clockOffset: -3_600_000 }))
  )

  it.effect("returns the user at /userinfo to a token with the scope openid only", () =>
    Effect.gen(function* () {
      const { issuer } = yield* OAuthServer.OAuthServer
      const userinfo = (token: string) =>
        HttpClient.get(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
      const { access_token } = yield* signedIn()
      expect(yield* (yield* userinfo(access_token)).json).toEqual({ sub: "user" })
      expect((yield* userinfo((yield* signedIn({ scope: "read" })).access_token)).status).toBe(403)
      expect((yield* userinfo("x")).status).toBe(401)
    }).pipe(memory())
  )
})
