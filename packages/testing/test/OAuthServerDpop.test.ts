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

const bound = (key: Key) =>
  Effect.gen(function* () {
    const { json } = yield* credentials(yield* proof(key, {}))
    return json.access_token
  })

describe("DPoP", () => {
  it.effect("binds a token to the key that was proved, and opens the resource with a proof of that key only", () =>
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
      const told = (yield* Client.post("/introspect", { token: answer.access_token })).json
      expect(told).toMatchObject({ token_type: "DPoP", cnf: { jkt: expect.stringMatching(/^[\w-]{43}$/) } })
    }).pipe(memory())
  )

  it.effect("names the key by the hash of its members in order", () =>
    Effect.gen(function* () {
      const key = yield* Client.keyPair
      const { crv, kty, x, y } = key.jwk
      const told = (yield* Client.post("/introspect", { token: yield* bound(key) })).json
      expect(told["cnf"]).toEqual({ jkt: yield* hash(JSON.stringify({ crv, kty, x, y })) })
    }).pipe(memory())
  )

  const wrong: ReadonlyArray<readonly [string, object, object?]> = [
    ["for another method", { htm: "GET" }],
    ["for another endpoint", { htu: at("/resource") }],
    ["for another server", { htu: "https://evil.test/token" }],
    ["with a query in its address", { htu: `${at("/token")}?x=1` }],
    ["without a name", { jti: undefined }],
    ["without a time", { iat: undefined }],
    ["that is six minutes old", { iat: -360 }],
    ["that is an hour ahead", { iat: 3600 }],
    ["of another type", {}, { typ: "JWT" }],
    ["that names no algorithm", {}, { alg: "none" }],
    ["that names an algorithm with a shared secret", {}, { alg: "HS256" }],
    ["without a key", {}, { jwk: undefined }],
    ["with an extension that must be understood", {}, { crit: ["x"] }]
  ]
  it.effect.each(wrong)("a proof %s is refused", ([, claims, header]) =>
    Effect.gen(function* () {
      const { json, status } = yield* credentials(yield* proof(yield* Client.keyPair, claims, header))
      expect([status, json["error"]]).toEqual([400, "invalid_dpop_proof"])
    }).pipe(memory())
  )

  it.effect(
    "a proof that comes again, that another key has signed, that shows its private key or is none is refused",
    () =>
      Effect.gen(function* () {
        const [key, other] = [yield* Client.keyPair, yield* Client.keyPair]
        const once = yield* proof(key, {})
        expect((yield* credentials(once)).status).toBe(200)
        const shown = yield* proof(key, {}, { jwk: { ...key.jwk, d: "x" } })
        for (const text of [once, yield* proof(key, {}, { jwk: other.jwk }), shown, "x", `${once}, ${once}`]) {
          expect((yield* credentials(text)).json).toMatchObject({ error: "invalid_dpop_proof" })
        }
      }).pipe(memory())
  )

  it.effect("at the resource a proof is for this token, and a proof alone makes no unbound token a bound one", () =>
    Effect.gen(function* () {
      const key = yield* Client.keyPair
      const token = yield* bound(key)
      expect((yield* open(key, token, { ath: yield* hash("x") })).status).toBe(401)
      expect((yield* open(key, token, { ath: undefined })).status).toBe(401)
      expect((yield* Client.resource(token, { authorization: `DPoP ${token}` })).status).toBe(401)
      const bearer = yield* Client.token({ grant_type: "client_credentials" })
      expect((yield* open(key, bearer.access_token)).status).toBe(401)
    }).pipe(memory())
  )

  it.effect("a bound token is exchanged with a proof of its key only", () =>
    Effect.gen(function* () {
      const [key, thief] = [yield* Client.keyPair, yield* Client.keyPair]
      const exchange = {
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: yield* bound(key),
        subject_token_type: "urn:ietf:params:oauth:token-type:access_token"
      }
      const ask = (dpop: Client.Params) => Client.token(exchange, { ...Client.basic("web"), ...dpop })
      for (const headers of [{}, { dpop: yield* proof(thief, {}) }]) {
        expect(yield* ask(headers)).toMatchObject({ error: "invalid_dpop_proof" })
      }
      expect(yield* ask({ dpop: yield* proof(key, {}) })).toMatchObject({ token_type: "DPoP" })
    }).pipe(memory())
  )

  it.effect("the refresh token of a public client needs its key, and of one with a secret takes a new one", () =>
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

  it.effect("a code that is bound to a key, by its thumbprint or where it was pushed, needs that key", () =>
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

  it.effect("where it is required, nothing goes without a proof, and the metadata say so", () =>
    Effect.gen(function* () {
      const { resource, issueTokens } = yield* OAuthServer.OAuthServer
      const answer = yield* Client.token({ grant_type: "client_credentials" })
      expect(answer).toMatchObject({ error: "invalid_dpop_proof" })
      const { access_token } = yield* issueTokens({ clientId: "web" })
      const refused = yield* Client.resource(access_token)
      expect(refused.headers["www-authenticate"]).toMatch(/^DPoP error="invalid_token", algs="ES256 /)
      const metadata = resource.replace("/resource", "/.well-known/oauth-protected-resource/resource")
      const json = yield* (yield* HttpClient.get(metadata)).json
      expect(json).toMatchObject({ dpop_bound_access_tokens_required: true })
    }).pipe(memory({ dpop: { required: true } }))
  )

  it.effect("a server that downgrades checks the proof, and gives a Bearer token all the same", () =>
    Effect.gen(function* () {
      const key = yield* Client.keyPair
      const { json } = yield* credentials(yield* proof(key, {}))
      expect(json["token_type"]).toBe("Bearer")
      expect((yield* Client.resource(json.access_token)).status).toBe(200)
      expect((yield* credentials("x")).json).toMatchObject({ error: "invalid_dpop_proof" })
    }).pipe(memory({ dpop: { downgrade: true } }))
  )
})

describe("DPoP nonces", () => {
  it.effect("are asked for at every endpoint, come with every answer, and are the same ones for the whole origin", () =>
    Effect.gen(function* () {
      const key = yield* Client.keyPair
      const refused = yield* credentials(yield* proof(key, {}))
      expect([refused.status, refused.json["error"]]).toEqual([400, "use_dpop_nonce"])
      const nonce = refused.headers["dpop-nonce"]
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

  it.effect("are replaced each minute, good for one more, and worthless once they are renewed", () =>
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
