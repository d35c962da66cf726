import { describe, expect, it } from "@effect/vitest"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Client from "./support/oauthClient.js"

type Key = Effect.Effect.Success<typeof Client.keyPair>

const redirectUris = ["https://app.test/callback"]
const clients = { web: "secret", cli: { redirectUris } }

const memory = (options: OAuthServer.Options = {}) => Client.memory({ clients, ...options })

const at = (path: string) => `https://oauth.test${path}`

let jti = 0

const proof = (key: Key, claims: object, header: object = {}) =>
  key.sign(
    { typ: "dpop+jwt", jwk: key.jwk, ...header },
    { htm: "POST", htu: at("/token"), iat: 0, jti: String(jti++), ...claims }
  )

const credentials = (dpop: string) =>
  Client.post("/token", { grant_type: "client_credentials" }, { ...Client.basic("web"), dpop })

const hash = (token: string) =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(token))),
    (digest) => Buffer.from(digest).toString("base64url")
  )

const open = (key: Key, token: string, claims: object = {}) =>
  Effect.gen(function* () {
    const own = { htm: "GET", htu: at("/resource"), ath: yield* hash(token) }
    const dpop = yield* proof(key, { ...own, ...claims })
    return yield* Client.resource(token, { authorization: `DPoP ${token}`, dpop })
  })

const boundToken = (key: Key) =>
  Effect.gen(function* () {
    const { json } = yield* credentials(yield* proof(key, {}))
    return json.access_token
  })

describe("OAuthServer DPoP", () => {
  it.effect("binds a token to the proved key and requires a proof of it at the resource", () =>
    Effect.gen(function* () {
      const [key, thief] = [yield* Client.keyPair, yield* Client.keyPair]
      const answer = (yield* credentials(yield* proof(key, {}))).json
      expect(answer["token_type"]).toBe("DPoP")
      expect((yield* open(key, answer.access_token)).status).toBe(200)
      expect((yield* open(thief, answer.access_token)).status).toBe(401)
      const asBearer = yield* Client.resource(answer.access_token)
      expect([asBearer.status, asBearer.headers["www-authenticate"]]).toEqual([
        401,
        expect.stringContaining('Bearer error="invalid_token"')
      ])
      const introspected = (yield* Client.post("/introspect", { token: answer.access_token })).json
      expect(introspected).toMatchObject({ token_type: "DPoP", cnf: { jkt: expect.stringMatching(/^[\w-]{43}$/) } })
    }).pipe(memory())
  )

  it.effect("reports the JWK thumbprint of the key", () =>
    Effect.gen(function* () {
      const key = yield* Client.keyPair
      const { crv, kty, x, y } = key.jwk
      const introspected = (yield* Client.post("/introspect", { token: yield* boundToken(key) })).json
      expect(introspected["cnf"]).toEqual({ jkt: yield* hash(JSON.stringify({ crv, kty, x, y })) })
    }).pipe(memory())
  )

  const wrong: ReadonlyArray<readonly [string, object, object?]> = [
    ["a wrong htm", { htm: "GET" }],
    ["the htu of another endpoint", { htu: at("/resource") }],
    ["the htu of another server", { htu: "https://evil.test/token" }],
    ["a query in htu", { htu: `${at("/token")}?x=1` }],
    ["a missing jti", { jti: undefined }],
    ["a missing iat", { iat: undefined }],
    ["an iat six minutes ago", { iat: -360 }],
    ["an iat an hour in the future", { iat: 3600 }],
    ["a wrong typ", {}, { typ: "JWT" }],
    ["the alg none", {}, { alg: "none" }],
    ["a symmetric alg", {}, { alg: "HS256" }],
    ["a missing jwk", {}, { jwk: undefined }],
    ["a crit header", {}, { crit: ["x"] }]
  ]
  it.effect.each(wrong)("rejects a proof with %s", ([, claims, header]) =>
    Effect.gen(function* () {
      const { json, status } = yield* credentials(yield* proof(yield* Client.keyPair, claims, header))
      expect([status, json["error"]]).toEqual([400, "invalid_dpop_proof"])
    }).pipe(memory())
  )

  it.effect("rejects a proof that is reused, signed with another key, contains the private key or is malformed", () =>
    Effect.gen(function* () {
      const [key, other] = [yield* Client.keyPair, yield* Client.keyPair]
      const once = yield* proof(key, {})
      expect((yield* credentials(once)).status).toBe(200)
      const withPrivateKey = yield* proof(key, {}, { jwk: { ...key.jwk, d: "x" } })
      for (const text of [once, yield* proof(key, {}, { jwk: other.jwk }), withPrivateKey, "x", `${once}, ${once}`]) {
        expect((yield* credentials(text)).json).toMatchObject({ error: "invalid_dpop_proof" })
      }
    }).pipe(memory())
  )

  it.effect("requires ath and a proof at the resource, and rejects an unbound token with a proof", () =>
    Effect.gen(function* () {
      const key = yield* Client.keyPair
      const token = yield* boundToken(key)
      expect((yield* open(key, token, { ath: yield* hash("x") })).status).toBe(401)
      expect((yield* open(key, token, { ath: undefined })).status).toBe(401)
      expect((yield* Client.resource(token, { authorization: `DPoP ${token}` })).status).toBe(401)
      const bearer = yield* Client.token({ grant_type: "client_credentials" })
      expect((yield* open(key, bearer.access_token)).status).toBe(401)
    }).pipe(memory())
  )

  it.effect("exchanges a bound token with a proof of its key only", () =>
    Effect.gen(function* () {
      const [key, thief] = [yield* Client.keyPair, yield* Client.keyPair]
      const exchange = {
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: yield* boundToken(key),
        subject_token_type: "urn:ietf:params:oauth:token-type:access_token"
      }
      const ask = (dpop: Client.Params) => Client.token(exchange, { ...Client.basic("web"), ...dpop })
      for (const headers of [{}, { dpop: yield* proof(thief, {}) }]) {
        expect(yield* ask(headers)).toMatchObject({ error: "invalid_dpop_proof" })
      }
      expect(yield* ask({ dpop: yield* proof(key, {}) })).toMatchObject({ token_type: "DPoP" })
    }).pipe(memory())
  )

  it.effect("binds refresh tokens of public clients only", () =>
    Effect.gen(function* () {
      const [key, other] = [yield* Client.keyPair, yield* Client.keyPair]
      const { sent } = yield* Client.authorize({ ...Client.request, client_id: "cli" })
      const dpop = yield* proof(key, {})
      const first = yield* Client.redeem(sent["code"], { client_id: "cli" }, { dpop })
      const refresh = { grant_type: "refresh_token", refresh_token: first.refresh_token, client_id: "cli" }
      expect(yield* Client.token(refresh, {})).toMatchObject({ error: "invalid_grant" })
      expect(yield* Client.token(refresh, { dpop: yield* proof(other, {}) })).toMatchObject({ error: "invalid_grant" })
      expect(yield* Client.token(refresh, { dpop: yield* proof(key, {}) })).toMatchObject({ token_type: "DPoP" })
      const { issueTokens } = yield* OAuthServer.OAuthServer
      const { refresh_token = "" } = yield* issueTokens({ clientId: "web" })
      const headers = { ...Client.basic("web"), dpop: yield* proof(other, {}) }
      const theirs = yield* Client.token({ grant_type: "refresh_token", refresh_token }, headers)
      expect((yield* open(other, theirs.access_token)).status).toBe(200)
    }).pipe(memory())
  )

  it.effect("binds a code to dpop_jkt or to the key of the pushed request", () =>
    Effect.gen(function* () {
      const [key, other] = [yield* Client.keyPair, yield* Client.keyPair]
      const pushed = { ...Client.request, client_id: "cli" }
      const push = (dpop: string, more: Client.Params = {}) => Client.post("/par", { ...pushed, ...more }, { dpop })
      const code = Effect.gen(function* () {
        const { json } = yield* push(yield* proof(key, { htu: at("/par") }))
        return (yield* Client.authorize({ client_id: "cli", request_uri: json.request_uri })).sent["code"]
      })
      const redeem = (code: string | undefined, dpop: string) => Client.redeem(code, { client_id: "cli" }, { dpop })
      expect(yield* redeem(yield* code, yield* proof(other, {}))).toMatchObject({ error: "invalid_dpop_proof" })
      expect(yield* redeem(yield* code, yield* proof(key, {}))).toHaveProperty("access_token")
      const two = yield* push(yield* proof(key, { htu: at("/par") }), { dpop_jkt: "x" })
      expect(two.json).toMatchObject({ error: "invalid_dpop_proof" })
      const { sent } = yield* Client.authorize({ ...pushed, dpop_jkt: "x" })
      expect(yield* redeem(sent["code"], yield* proof(key, {}))).toMatchObject({ error: "invalid_dpop_proof" })
    }).pipe(memory())
  )

  it.effect("requires a proof everywhere with dpop.required, and publishes that", () =>
    Effect.gen(function* () {
      const { resource, issueTokens } = yield* OAuthServer.OAuthServer
      const answer = yield* Client.token({ grant_type: "client_credentials" })
      expect(answer).toMatchObject({ error: "invalid_dpop_proof" })
      const { access_token } = yield* issueTokens({ clientId: "web" })
      const rejected = yield* Client.resource(access_token)
      expect(rejected.headers["www-authenticate"]).toMatch(/^DPoP error="invalid_token", algs="ES256 /)
      const metadata = resource.replace("/resource", "/.well-known/oauth-protected-resource/resource")
      const json = yield* (yield* HttpClient.get(metadata)).json
      expect(json).toMatchObject({ dpop_bound_access_tokens_required: true })
    }).pipe(memory({ dpop: { required: true } }))
  )

  it.effect("verifies proofs and issues Bearer tokens with dpop.downgrade", () =>
    Effect.gen(function* () {
      const key = yield* Client.keyPair
      const { json } = yield* credentials(yield* proof(key, {}))
      expect(json["token_type"]).toBe("Bearer")
      expect((yield* Client.resource(json.access_token)).status).toBe(200)
      expect((yield* credentials("x")).json).toMatchObject({ error: "invalid_dpop_proof" })
    }).pipe(memory({ dpop: { downgrade: true } }))
  )
})

describe("OAuthServer DPoP nonces", () => {
  it.effect("requires the nonce of the origin at every endpoint and sends it with every response", () =>
    Effect.gen(function* () {
      const key = yield* Client.keyPair
      const rejected = yield* credentials(yield* proof(key, {}))
      expect([rejected.status, rejected.json["error"]]).toEqual([400, "use_dpop_nonce"])
      const nonce = rejected.headers["dpop-nonce"]
      const given = yield* credentials(yield* proof(key, { nonce }))
      expect([given.status, given.headers["dpop-nonce"]]).toEqual([200, nonce])
      const token = given.json.access_token
      for (const theirs of [undefined, "x"]) {
        const challenge = yield* open(key, token, { nonce: theirs })
        expect([challenge.status, challenge.headers["dpop-nonce"]]).toEqual([401, nonce])
        expect(challenge.headers["www-authenticate"]).toMatch(/^DPoP error="use_dpop_nonce", algs="/)
      }
      const opened = yield* open(key, token, { nonce })
      expect([opened.status, opened.headers["dpop-nonce"]]).toEqual([200, nonce])
    }).pipe(memory({ dpop: { nonce: true } }))
  )

  it.effect("replaces nonces each minute, accepts the previous one, and invalidates all with renewNonces", () =>
    Effect.gen(function* () {
      const { renewNonces } = yield* OAuthServer.OAuthServer
      const key = yield* Client.keyPair
      const ask = (nonce: string | undefined) =>
        Effect.gen(function* () {
          const { headers, status } = yield* credentials(yield* proof(key, { nonce }))
          return { status, nonce: headers["dpop-nonce"] }
        })
      const first = yield* ask(undefined)
      yield* TestClock.adjust(119_999)
      const second = yield* ask(first.nonce)
      expect(second.status).toBe(200)
      expect(second.nonce).not.toBe(first.nonce)
      yield* TestClock.adjust(1)
      expect((yield* ask(first.nonce)).status).toBe(400)
      expect((yield* ask(second.nonce)).status).toBe(200)
      yield* renewNonces
      expect((yield* ask(second.nonce)).status).toBe(400)
    }).pipe(memory({ dpop: { nonce: true } }))
  )
})
