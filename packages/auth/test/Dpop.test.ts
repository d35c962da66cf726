import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Dpop from "@countersign/auth/Dpop"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"
import { createHash } from "node:crypto"
import { clientOf, ok } from "./support/client.js"
import { conversation, granted, issuer } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { scriptedTokens, source, token } from "./support/tokenSource.js"

const { respond } = MockClient

const key = await Effect.runPromise(Dpop.generateKey)

/** Acquires bound tokens `canary-1`, `canary-2` and so on. The first one has the given type. */
const minted = (tokenType = "DPoP") =>
  scriptedTokens((n) => Effect.map(token(n), (bearer) => ({ ...bearer, tokenType: n === 1 ? tokenType : "DPoP" })))

const asksNonce = (nonce?: string, date?: string) =>
  respond(401, "no", {
    "www-authenticate": 'DPoP error="use_dpop_nonce", error_description="as every hour"',
    ...(nonce !== undefined && { "dpop-nonce": nonce }),
    ...(date !== undefined && { date })
  })

const invalidToken = respond(401, "no", { "www-authenticate": 'DPoP error="invalid_token", algs="ES256"' })

/** The DPoP proof of a request, verified by the key in its header. */
const proofOf = ({ headers }: MockClient.Sent) =>
  Effect.promise(async () => {
    const { payload, protectedHeader } = await jose.compactVerify(headers["dpop"] ?? "", jose.EmbeddedJWK)
    return { header: protectedHeader, claims: JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown> }
  })

const proofsOf = (mock: Effect.Effect.Success<ReturnType<typeof clientOf>>["mock"]) =>
  Effect.flatMap(mock.sent, (sent) => Effect.all(sent.map(proofOf)))

const noncesOf = (mock: Parameters<typeof proofsOf>[0]) =>
  Effect.map(proofsOf(mock), (proofs) => proofs.map(({ claims }) => claims["nonce"]))

const tokensOf = (mock: Parameters<typeof proofsOf>[0]) =>
  Effect.map(mock.sent, (sent) => sent.map(({ headers }) => headers["authorization"]))

/** A client of `https://api.test` with bound tokens, and the calls that acquired them. */
const over = (script: MockClient.Script, options: Dpop.Options = {}, tokenType?: string) =>
  Effect.gen(function* () {
    const { calls, mint } = minted(tokenType)
    const auth = Dpop.fromSource(yield* source(mint), key, options)
    return { ...(yield* clientOf(auth, script)), auth, calls }
  })

describe("examples of RFC 9449", () => {
  const jwk = {
    kty: "EC",
    x: "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    y: "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    crv: "P-256"
  }

  it.effect("computes the published thumbprint and token hash", () =>
    Effect.gen(function* () {
      const publicKey = yield* Effect.promise(() =>
        crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"])
      )
      expect(yield* Dpop.thumbprint({ ...key, publicKey })).toBe("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")
      const accessToken = Redacted.make("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")
      const held = { generation: 1, token: { accessToken, tokenType: "DPoP", receivedAt: 0 } }
      const fixed = {
        get: Effect.succeed(held),
        onRejected: () => Effect.succeed(false),
        onReplayRejected: () => Effect.void
      }
      const { api, mock } = yield* clientOf(Dpop.fromSource(fixed, key), [ok])
      yield* api.get("/")
      expect((yield* proofsOf(mock))[0]?.claims["ath"]).toBe("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo")
    })
  )

  it.effect("verifies the published proof as these tests verify proofs", () =>
    Effect.gen(function* () {
      const dpop =
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
      const { claims, header } = yield* proofOf({ headers: { dpop } } as unknown as MockClient.Sent)
      expect(header).toEqual({ typ: "dpop+jwt", alg: "ES256", jwk })
      expect(claims).toMatchObject({ htm: "POST", htu: "https://server.example.com/token", iat: 1562262616 })
    })
  )
})

describe("DPoP proof", () => {
  it.scoped("binds a new proof per request to method, URL without query, time and token hash", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* over(() => ok)
      yield* TestClock.setTime(1_700_000_000_900)
      yield* api.get("/a b?q=canary#f", { query: { more: "1" } })
      yield* api.post("/other", {})
      const [first, second] = yield* proofsOf(mock)
      expect(first?.header).toEqual({
        alg: "ES256",
        typ: "dpop+jwt",
        jwk: { kty: "EC", crv: "P-256", x: expect.any(String), y: expect.any(String) }
      })
      const ath = createHash("sha256").update("canary-1").digest("base64url")
      expect(first?.claims).toEqual({
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
        htm: "GET",
        htu: "https://api.test/a%20b",
        iat: 1_700_000_000,
        ath
      })
      expect(second?.claims).toMatchObject({ htm: "POST", htu: "https://api.test/other", ath })
      expect(second?.claims["jti"]).not.toBe(first?.claims["jti"])
      expect(yield* tokensOf(mock)).toEqual(["DPoP canary-1", "DPoP canary-1"])
    })
  )

  it.scoped("signs a new proof for a retry", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* over([MockClient.fail("ECONNREFUSED"), ok])
      const fiber = yield* Effect.fork(api.get("/"))
      for (let n = 0; n < 50; n++) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* TestClock.adjust("1 second")
      }
      yield* fiber
      const proofs = yield* proofsOf(mock)
      expect(new Set(proofs.map(({ claims }) => claims["jti"])).size).toBe(2)
    })
  )

  it.scoped("signs a proof for a redirect target, and sends none to another origin", () =>
    Effect.gen(function* () {
      const redirect = (location: string) => respond(302, undefined, { location })
      const { api, mock } = yield* over([redirect("/b"), redirect("https://evil.test/"), ok])
      yield* api.get("/a")
      const [a, b, evil] = yield* mock.sent
      expect(a && (yield* proofOf(a)).claims["htu"]).toBe("https://api.test/a")
      expect(b && (yield* proofOf(b)).claims["htu"]).toBe("https://api.test/b")
      expect(evil?.url).toBe("https://evil.test/")
      expect(evil?.headers).not.toHaveProperty("dpop")
      expect(evil?.headers).not.toHaveProperty("authorization")
    })
  )
})

describe("DPoP nonce", () => {
  it.scoped("replays with the nonce and the same token after use_dpop_nonce, and keeps the nonce", () =>
    Effect.gen(function* () {
      const { api, calls, mock } = yield* over([asksNonce("n1"), ok, ok])
      yield* api.get("/")
      yield* api.get("/")
      expect(yield* noncesOf(mock)).toEqual([undefined, "n1", "n1"])
      expect(new Set((yield* proofsOf(mock)).map(({ claims }) => claims["jti"])).size).toBe(3)
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped.each([200, 204, 400, 404])("takes the next nonce from a response with status %d", (status) =>
    Effect.gen(function* () {
      const answer = respond(status, undefined, { "dpop-nonce": "n2" })
      const { api, mock } = yield* over([asksNonce("n1"), answer, ok])
      yield* Effect.either(api.get("/"))
      yield* api.get("/")
      expect(yield* noncesOf(mock)).toEqual([undefined, "n1", "n2"])
    })
  )

  it.scoped.each<readonly [string, MockClient.Script, ReadonlyArray<unknown>]>([
    ["the server sends the same nonce again", () => asksNonce("n1"), [undefined, "n1"]],
    ["the server sends another nonce each time", (_, index) => asksNonce(`n${index}`), [undefined, "n0"]],
    ["the server sends no nonce", () => asksNonce(), [undefined]],
    [
      "the server sends another date instead of a nonce",
      () => asksNonce(undefined, "Thu, 01 Jan 1970 01:00:00 GMT"),
      [undefined]
    ],
    ["the nonce is malformed", () => asksNonce('"a b"'), [undefined]],
    ["the nonce has 2000 characters", () => asksNonce("n".repeat(2000)), [undefined]]
  ])("fails with Unauthorized, without a new token, when %s", ([_, script, nonces]) =>
    Effect.gen(function* () {
      const { api, calls, mock } = yield* over(script)
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "Unauthorized", challenges: [{ params: { error: "use_dpop_nonce" } }] })
      expect(yield* noncesOf(mock)).toEqual(nonces)
      expect(calls).toHaveLength(1)
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.scoped("sends no replay when the server requires the nonce that was sent", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* over([asksNonce("n1"), ok, asksNonce("n1")])
      yield* api.get("/")
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
      expect(yield* noncesOf(mock)).toEqual([undefined, "n1", "n1"])
    })
  )

  it.scoped("replaces a rejected token after a nonce challenge failed", () =>
    Effect.gen(function* () {
      const { api, calls, mock } = yield* over([asksNonce("n1"), asksNonce("n1"), invalidToken, ok])
      yield* Effect.flip(api.get("/"))
      yield* api.get("/")
      expect(yield* tokensOf(mock)).toEqual(["DPoP canary-1", "DPoP canary-1", "DPoP canary-1", "DPoP canary-2"])
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("uses a nonce for its origin only", () =>
    Effect.gen(function* () {
      const { auth, mock } = yield* over([asksNonce("n1"), ok])
      const api = yield* clientOf(auth, [asksNonce("n1"), ok])
      yield* api.api.get("/")
      const { request } = yield* auth.sign(HttpClientRequest.get("https://other.test/"))
      const { claims } = yield* proofOf({ headers: request.headers } as unknown as MockClient.Sent)
      expect(claims["nonce"]).toBeUndefined()
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.scoped("keeps the nonce for the next call when the body is a stream", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* over([asksNonce("n1"), ok])
      const body = HttpBody.stream(Stream.make(new Uint8Array([1])))
      const error = yield* Effect.flip(api.post("/", { body }))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "BodyNotReplayable" })
      yield* api.get("/")
      expect(yield* noncesOf(mock)).toEqual([undefined, "n1"])
    })
  )
})

describe("DPoP token", () => {
  it.scoped("replaces a rejected token once, and the token hash in the proof", () =>
    Effect.gen(function* () {
      const { api, calls, mock } = yield* over([invalidToken, ok])
      yield* api.get("/")
      expect(yield* tokensOf(mock)).toEqual(["DPoP canary-1", "DPoP canary-2"])
      const hashes = (yield* proofsOf(mock)).map(({ claims }) => claims["ath"])
      expect(hashes).toEqual(
        ["canary-1", "canary-2"].map((text) => createHash("sha256").update(text).digest("base64url"))
      )
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("fails with RejectedAfterRefresh when the new token is rejected too", () =>
    Effect.gen(function* () {
      const { api, calls } = yield* over(() => invalidToken)
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "RejectedAfterRefresh" })
      yield* Effect.flip(api.get("/"))
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("handles a nonce, a rejected token and another nonce in one call", () =>
    Effect.gen(function* () {
      const { api, calls, mock } = yield* over([asksNonce("n1"), invalidToken, asksNonce("n2"), ok])
      yield* api.get("/")
      expect(yield* noncesOf(mock)).toEqual([undefined, "n1", "n1", "n2"])
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("replaces a Bearer token before a request is sent", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* over(() => ok, {}, "Bearer")
      yield* api.get("/")
      expect(yield* tokensOf(mock)).toEqual(["DPoP canary-2"])
    })
  )

  it.scoped("fails with InvalidResponse when the new token is a Bearer token too, and sends no request", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { api, mock } = yield* clientOf(Dpop.fromSource(yield* source(mint), key), [])
      for (let n = 0; n < 3; n++) {
        expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      }
      expect(calls).toHaveLength(2)
      expect(yield* mock.sent).toEqual([])
    })
  )
})

describe("clock skew", () => {
  const hour = 3600_000
  const invalidProof = (at: number, headers: MockClient.Headers = {}) =>
    respond(401, "no", {
      "www-authenticate": 'DPoP error="invalid_dpop_proof"',
      date: new Date(at).toUTCString(),
      ...headers
    })

  it.scoped("corrects iat by the server's date after invalid_dpop_proof, and replays the request", () =>
    Effect.gen(function* () {
      const { api, calls, mock } = yield* over([invalidProof(hour), ok, ok])
      yield* api.get("/")
      yield* TestClock.adjust("1 minute")
      yield* api.get("/")
      expect((yield* proofsOf(mock)).map(({ claims }) => claims["iat"])).toEqual([0, 3600, 3660])
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("applies clockSkew to the first proof", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* over([ok], { clockSkew: Effect.succeed(hour) })
      yield* api.get("/")
      expect((yield* proofsOf(mock))[0]?.claims["iat"]).toBe(3600)
    })
  )

  it.effect("corrects iat for the token endpoint by the date of the metadata response", () =>
    Effect.gen(function* () {
      const endpoints = { issuer, token_endpoint: `${issuer}/token` }
      const told = respond(200, endpoints, { date: new Date(hour).toUTCString() })
      const { mock, server } = yield* conversation([told, granted({ token_type: "DPoP" })], {
        tokenEndpoint: undefined,
        dpop: key
      })
      yield* server.clientCredentials({})
      const [, asked] = yield* mock.sent
      // The OAuth library rounds the time itself.
      expect(Math.abs(Number((yield* proofOf(asked!)).claims["iat"]) - 3600)).toBeLessThanOrEqual(1)
    })
  )

  it.scoped.each<readonly [string, MockClient.Script]>([
    ["the server's time equals the client's", () => invalidProof(0)],
    ["the response comes from a cache", () => invalidProof(hour, { age: "3600" })],
    ["the response has no date", () => respond(401, "no", { "www-authenticate": 'DPoP error="invalid_dpop_proof"' })]
  ])("sends no replay after invalid_dpop_proof when %s", ([_, script]) =>
    Effect.gen(function* () {
      const { api, calls, mock } = yield* over(script)
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
      expect(yield* mock.sent).toHaveLength(1)
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("corrects iat once when each response has another date", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* over((_, index) => invalidProof(hour * (index + 1)))
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* mock.sent).toHaveLength(2)
    })
  )
})

describe("Dpop.Key", () => {
  const madeJwk = Effect.map(
    Effect.flatMap(Dpop.generateExtractableKey, Dpop.toJwk),
    (jwk) => JSON.parse(Redacted.value(jwk)) as Readonly<Record<string, string>>
  )

  it.effect("exports an extractable key as JWK, and imports the same key", () =>
    Effect.gen(function* () {
      const made = yield* Dpop.generateExtractableKey
      const jwk = yield* Dpop.toJwk(made)
      expect(allRenderings(jwk)).not.toContain("kty")
      const read = yield* Dpop.fromJwk(jwk)
      expect(yield* Dpop.thumbprint(read)).toBe(yield* Dpop.thumbprint(made))
      expect(yield* Effect.flip(Dpop.toJwk(read))).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      const again = yield* Dpop.toJwk(yield* Dpop.fromJwk(jwk, { extractable: true }))
      expect(JSON.parse(Redacted.value(again))).toEqual(JSON.parse(Redacted.value(jwk)))
    })
  )

  it.effect("rejects the export of a key that is not extractable", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(Dpop.toJwk(yield* Dpop.generateKey))).toMatchObject({ reason: "Credentials" })
    })
  )

  it.scoped.each(["ES256", "ES384", "ES512", "Ed25519"])("signs valid proofs with a key for %s", (alg) =>
    Effect.gen(function* () {
      const pair = yield* Effect.promise(() => jose.generateKeyPair(alg, { extractable: true }))
      const own = yield* Dpop.fromJwk(yield* Dpop.toJwk(pair))
      const { api, mock } = yield* clientOf(Dpop.fromSource(yield* source(minted().mint), own), [ok])
      yield* api.get("/")
      expect((yield* proofsOf(mock))[0]?.header).toMatchObject({ alg, typ: "dpop+jwt" })
    })
  )

  it.effect("rejects an invalid JWK as InvalidRequest, and does not show it", () =>
    Effect.gen(function* () {
      const [good, other] = yield* Effect.all([madeJwk, madeJwk])
      for (const text of [
        "",
        "canary",
        "null",
        "[]",
        "{}",
        JSON.stringify({ ...good, d: undefined }),
        JSON.stringify({ ...good, d: "canary" }),
        JSON.stringify({ ...good, crv: "secp256k1" }),
        JSON.stringify({ ...good, crv: "__proto__" }),
        JSON.stringify({ ...good, x: "AAAA" }),
        JSON.stringify({ ...good, d: other.d }),
        JSON.stringify({ kty: "oct", k: "canary" }),
        JSON.stringify({ ...good, more: "a".repeat(5000) })
      ]) {
        const error = yield* Effect.flip(Dpop.fromJwk(Redacted.make(text)))
        expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
        expect(allRenderings(error)).not.toContain("canary")
      }
    })
  )

  it.scoped("rejects an RSA key as InvalidRequest, and sends no request", () =>
    Effect.gen(function* () {
      const rsa = yield* Effect.promise(() => jose.generateKeyPair("RS256"))
      const { api, mock } = yield* clientOf(Dpop.fromSource(yield* source(minted().mint), rsa), [])
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(yield* mock.sent).toEqual([])
    })
  )
})

describe("DPoP at the token endpoint", () => {
  it.effect("rejects a Bearer token when the client has a DPoP key", () =>
    Effect.gen(function* () {
      const { server } = yield* conversation([granted({ token_type: "Bearer" })], { dpop: key })
      const error = yield* Effect.flip(server.clientCredentials({}))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(error.message).toContain("not bound")
    })
  )

  it.effect("sends a proof without token hash, and replays it with the server's nonce", () =>
    Effect.gen(function* () {
      const asks = respond(400, { error: "use_dpop_nonce" }, { "dpop-nonce": "as-1" })
      const { mock, server } = yield* conversation([asks, granted({ token_type: "dpop" })], { dpop: key })
      expect(yield* server.clientCredentials({})).toMatchObject({ tokenType: "DPoP" })
      const proofs = yield* proofsOf(mock)
      expect(proofs.map(({ claims }) => [claims["htu"], claims["nonce"], claims["ath"]])).toEqual([
        ["https://auth.test/token", undefined, undefined],
        ["https://auth.test/token", "as-1", undefined]
      ])
    })
  )

  it.effect("sends two requests when the server requires another nonce each time", () =>
    Effect.gen(function* () {
      const { mock, server } = yield* conversation(
        (_, index) => respond(400, { error: "use_dpop_nonce" }, { "dpop-nonce": `as-${index}` }),
        { dpop: key }
      )
      expect(yield* Effect.flip(server.clientCredentials({}))).toMatchObject({ error: "use_dpop_nonce" })
      expect(yield* mock.sent).toHaveLength(2)
    })
  )
})

describe("Dpop.layerCustom", () => {
  it.scoped("acquires a token, signs requests, and provides the token source", () =>
    Effect.gen(function* () {
      const { calls, mint } = minted()
      const live = Dpop.layerCustom(key, { key: "key", acquireToken: mint }).pipe(Layer.provide(TokenStore.layerMemory))
      const context = yield* Layer.build(live)
      const { api, mock } = yield* Effect.flatMap(Effect.provide(Auth.tag<TokenSourceError>(), context), (auth) =>
        clientOf(auth, [ok])
      )
      yield* api.get("/")
      expect(yield* tokensOf(mock)).toEqual(["DPoP canary-1"])
      expect(
        (yield* Effect.provide(
          Effect.flatMap(TokenSource.TokenSource, ({ get }) => get),
          context
        )).generation
      ).toBe(1)
      expect(calls).toHaveLength(1)
    })
  )
})
