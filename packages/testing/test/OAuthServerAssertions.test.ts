import { describe, expect, it } from "@effect/vitest"
import type * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Client from "./support/oauthClient.js"

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const issuer = "https://oauth.test"

const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }

/** Valid claims at the start of a test; `exp` is in seconds. */
const claims = (more: object = {}) => ({ iss: "robot", sub: "robot", aud: issuer, exp: 60, iat: 0, jti: "1", ...more })

/** A server with a client `robot` that has this key, a client with a secret, and a public client. */
const withKey = <A, E>(
  test: (
    key: Effect.Effect.Success<typeof Client.keyPair>
  ) => Effect.Effect<A, E, OAuthServer.OAuthServer | Effect.Effect.Context<ReturnType<typeof Client.post>>>,
  options: OAuthServer.Options = {}
) =>
  Effect.flatMap(Client.keyPair, (key) =>
    test(key).pipe(
      Client.memory({ clients: { robot: { jwks: { keys: [key.jwk] } }, web: "secret", cli: {} }, ...options })
    )
  )

const authenticate = (client_assertion: string, more: Client.Params = {}, headers: Client.Params = {}) =>
  Client.post(
    "/token",
    { grant_type: "client_credentials", client_assertion_type: jwtBearer, client_assertion, ...more },
    headers
  )

/** Signs with an HMAC of a secret. WebCrypto accepts any secret. */
const hmac = (secret: string, claims: object) =>
  Effect.promise(async () => {
    const algorithm = { name: "HMAC", hash: "SHA-256" }
    const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, false, ["sign"])
    const signed = `${Client.encode({ alg: "HS256" })}.${Client.encode(claims)}`
    const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(signed))
    return `${signed}.${Buffer.from(signature).toString("base64url")}`
  })

describe("OAuthServer client authentication by JWT", () => {
  it.effect("accepts private_key_jwt once, for the issuer or the token endpoint", () =>
    withKey((key) =>
      Effect.gen(function* () {
        const first = yield* key.sign({}, claims())
        expect((yield* authenticate(first)).json).toHaveProperty("access_token")
        expect((yield* authenticate(first)).json).toMatchObject({
          error: "invalid_client",
          error_description: expect.stringContaining("jti")
        })
        const second = yield* key.sign({}, claims({ jti: "2", aud: [`${issuer}/token`] }))
        expect((yield* authenticate(second, { client_id: "robot" })).status).toBe(200)
      })
    )
  )

  const wrong: ReadonlyArray<readonly [string, object]> = [
    ["a wrong aud", { aud: "https://evil.test" }],
    ["a missing aud", { aud: undefined }],
    ["a wrong sub", { sub: "web" }],
    ["an unknown iss", { iss: "x", sub: "x" }],
    ["an iss without keys", { iss: "web", sub: "web" }],
    ["a missing jti", { jti: undefined }],
    ["a missing exp", { exp: undefined }],
    ["an exp in the past", { exp: 0 }],
    ["an exp a day in the future", { exp: 86_400 }],
    ["a textual exp", { exp: "60" }],
    ["an nbf in the future", { nbf: 120 }],
    ["an iat an hour in the future", { iat: 3600, exp: 3600 }]
  ]
  it.effect.each(wrong)("rejects a JWT with %s with 401 invalid_client", ([, more]) =>
    withKey((key) =>
      Effect.gen(function* () {
        const { json, status } = yield* authenticate(yield* key.sign({}, claims(more)))
        expect([status, json["error"]]).toEqual([401, "invalid_client"])
      })
    )
  )

  it.effect("rejects JWTs with another key, without a signature, changed or malformed", () =>
    withKey((key) =>
      Effect.gen(function* () {
        const other = yield* Client.keyPair
        const unsigned = `${Client.encode({ alg: "none" })}.${Client.encode(claims())}.`
        const [head, , tail] = (yield* key.sign({}, claims())).split(".")
        const changed = `${head}.${Client.encode(claims({ jti: "9" }))}.${tail}`
        const critical = yield* key.sign({ crit: ["x"], x: 1 }, claims())
        const asSecret = yield* hmac(JSON.stringify(key.jwk), claims())
        const all = [
          yield* other.sign({}, claims()),
          unsigned,
          changed,
          critical,
          asSecret,
          "x",
          "a.b.c",
          "..",
          "%.%.%"
        ]
        for (const jwt of all) expect((yield* authenticate(jwt)).json).toMatchObject({ error: "invalid_client" })
      })
    )
  )

  const algorithms: ReadonlyArray<readonly [string, Parameters<typeof Client.keyPairFor>[0]]> = [
    ["RS256", { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", ...rsa }],
    ["PS256", { name: "RSA-PSS", hash: "SHA-256", saltLength: 32, ...rsa }],
    ["EdDSA", { name: "Ed25519" }]
  ]
  it.effect.each(algorithms)(
    "accepts %s with a matching key, and rejects it under another algorithm or kid",
    ([alg, algorithm]) =>
      Effect.gen(function* () {
        const key = yield* Client.keyPairFor(algorithm)
        yield* Effect.gen(function* () {
          expect((yield* authenticate(yield* key.sign({ alg }, claims()))).status).toBe(200)
          expect((yield* authenticate(yield* key.sign({ alg: "ES256" }, claims({ jti: "2" })))).status).toBe(401)
          expect((yield* authenticate(yield* key.sign({ alg, kid: "x" }, claims({ jti: "3" })))).status).toBe(401)
        }).pipe(Client.memory({ clients: { robot: { jwks: { keys: [{ ...key.jwk, kid: "k" }] } } } }))
      })
  )

  it.effect("compares exp with the server's clock, an hour ahead", () =>
    withKey(
      (key) =>
        Effect.gen(function* () {
          expect((yield* authenticate(yield* key.sign({}, claims()))).status).toBe(401)
          const theirs = yield* key.sign({}, claims({ exp: 3660, iat: 3600 }))
          expect((yield* authenticate(theirs)).status).toBe(200)
        }),
      { clockOffset: 3_600_000 }
    )
  )

  it.effect("accepts client_secret_jwt with the client secret only", () =>
    withKey(() =>
      Effect.gen(function* () {
        const theirs = claims({ iss: "web", sub: "web" })
        expect((yield* authenticate(yield* hmac("secret", theirs))).status).toBe(200)
        expect((yield* authenticate(yield* hmac("wrong", { ...theirs, jti: "2" }))).status).toBe(401)
      })
    )
  )

  it.effect("rejects a JWT together with other credentials, another client_id or another assertion type", () =>
    withKey((key) =>
      Effect.gen(function* () {
        const error = (more: Client.Params, headers?: Client.Params) =>
          Effect.gen(function* () {
            const jti = JSON.stringify([more, headers])
            return (yield* authenticate(yield* key.sign({}, claims({ jti })), more, headers)).json["error"]
          })
        expect(yield* error({}, Client.basic("web"))).toBe("invalid_request")
        expect(yield* error({ client_secret: "secret" })).toBe("invalid_request")
        expect(yield* error({ client_id: "web" })).toBe("invalid_request")
        expect(yield* error({ client_assertion_type: "x" })).toBe("invalid_client")
      })
    )
  )
})

describe("OAuthServer public clients", () => {
  it.effect("rejects client credentials of public clients, and confidential clients without a secret", () =>
    withKey(() =>
      Effect.gen(function* () {
        const error = (client_id: string) =>
          Effect.map(Client.token({ grant_type: "client_credentials", client_id }, {}), (answer) => answer["error"])
        expect(yield* error("cli")).toBe("unauthorized_client")
        expect(yield* error("web")).toBe("invalid_client")
        expect(yield* error("robot")).toBe("invalid_client")
      })
    )
  )
})

describe("OAuthServer JWT bearer grant", () => {
  const grant = (assertion: string, more: Client.Params = {}, headers: Client.Params = {}) =>
    Client.token({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion, ...more }, headers)

  it.effect("issues a token for a user to a registered key without further authentication, once per JWT", () =>
    withKey((key) =>
      Effect.gen(function* () {
        const jwt = yield* key.sign({}, claims({ sub: "ada", aud: `${issuer}/token` }))
        const answer = yield* grant(jwt, { scope: "read" })
        expect(answer).toMatchObject({ token_type: "Bearer", scope: "read" })
        expect(answer).not.toHaveProperty("refresh_token")
        expect(yield* (yield* Client.resource(answer.access_token)).json).toMatchObject({
          client_id: "robot",
          sub: "ada"
        })
        expect(yield* grant(jwt)).toMatchObject({ error: "invalid_grant" })
      })
    )
  )

  it.effect("rejects expired assertions and those of another client, another key or without a subject", () =>
    withKey((key) =>
      Effect.gen(function* () {
        const jwt = yield* key.sign({}, claims({ sub: "ada" }))
        expect(yield* grant(jwt, {}, Client.basic("web"))).toMatchObject({ error: "invalid_grant" })
        expect(yield* grant(yield* key.sign({}, claims({ sub: "" })))).toMatchObject({ error: "invalid_grant" })
        const other = yield* Client.keyPair
        expect(yield* grant(yield* other.sign({}, claims()))).toMatchObject({ error: "invalid_grant" })
        const secret = yield* hmac("secret", claims({ iss: "web", sub: "ada" }))
        expect(yield* grant(secret)).toMatchObject({ error: "invalid_grant" })
        yield* TestClock.adjust("1 minute")
        expect(yield* grant(jwt)).toMatchObject({ error: "invalid_grant" })
      })
    )
  )
})
