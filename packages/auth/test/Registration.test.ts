import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Registration from "@countersign/auth/Registration"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { issuer, metadata } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

const wanted: Registration.Metadata = {
  client_name: "a program",
  redirect_uris: ["https://app.test/callback"],
  token_endpoint_auth_method: "client_secret_post",
  "org.example.tenant": 7
}

const made = {
  client_id: "made",
  client_secret: "canary-secret",
  client_secret_expires_at: 1_700_000_000,
  token_endpoint_auth_method: "client_secret_basic",
  registration_client_uri: `${issuer}/register/made`,
  registration_access_token: "canary-registration",
  client_name: "a program"
}

/** Registers at a server with this response, and returns the result and the POST requests. */
const registering = (
  answer: MockClient.Step,
  options: Partial<Registration.Options> = {},
  server: object = { registration_endpoint: `${issuer}/register` }
) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(({ method }) => (method === "GET" ? metadata(server) : answer))
    const posts = Effect.map(mock.sent, (sent) => sent.filter(({ method }) => method === "POST"))
    const registered = Effect.provideService(
      Registration.register({ issuer, ...options }, wanted),
      HttpClient.HttpClient,
      client
    )
    return { registered, posts }
  })

describe("Registration.register", () => {
  it.effect("sends the metadata as JSON, with extension members", () =>
    Effect.gen(function* () {
      const { posts, registered } = yield* registering(MockClient.respond(201, made))
      yield* registered
      const [sent] = yield* posts
      expect(sent?.url).toBe(`${issuer}/register`)
      expect(JSON.parse(String(sent?.body))).toEqual(wanted)
      expect(sent?.headers["authorization"]).toBeUndefined()
    })
  )

  it.effect("returns the client that the server registered, and prints no secret", () =>
    Effect.gen(function* () {
      const registered = yield* (yield* registering(MockClient.respond(201, made))).registered
      expect(registered).toMatchObject({
        issuer,
        clientId: "made",
        secretExpiresAt: 1_700_000_000_000,
        method: "client_secret_basic",
        registrationUri: `${issuer}/register/made`
      })
      expect(registered.clientSecret && Redacted.value(registered.clientSecret)).toBe("canary-secret")
      expect(registered.registrationToken && Redacted.value(registered.registrationToken)).toBe("canary-registration")
      expect(registered.metadata["client_name"]).toBe("a program")
      expect(allRenderings(registered)).not.toContain("canary")
    })
  )

  it.effect("returns a client that can be encoded and decoded", () =>
    Effect.gen(function* () {
      const registered = yield* (yield* registering(MockClient.respond(201, made))).registered
      const kept = JSON.stringify(yield* Schema.encode(Registration.RegisteredClient)(registered))
      const read = yield* Schema.decodeUnknown(Registration.RegisteredClient)(JSON.parse(kept))
      expect(Registration.toClient(read)).toEqual(Registration.toClient(registered))
    })
  )

  it.effect("sends the initial access token, and hides it in errors", () =>
    Effect.gen(function* () {
      const initialAccessToken = Redacted.make("canary-invitation")
      const good = yield* registering(MockClient.respond(201, made), { initialAccessToken })
      yield* good.registered
      expect((yield* good.posts)[0]?.headers["authorization"]).toBe("Bearer canary-invitation")
      const quoting = { error: "invalid_token", error_description: "canary-invitation is not good" }
      const bad = yield* registering(MockClient.respond(401, quoting), { initialAccessToken })
      const error = yield* Effect.flip(bad.registered)
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_token" })
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("names the initial access token in the error if the server requires one", () =>
    Effect.gen(function* () {
      const bare = MockClient.respond(401, "", { "www-authenticate": "Bearer" })
      const error = yield* Effect.flip((yield* registering(bare)).registered)
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_token" })
      expect(error.detail).toContain("initial access token")
    })
  )

  it.effect.each(["invalid_redirect_uri", "invalid_client_metadata"])(
    "fails with Rejected after %s, and prints no control characters",
    (code) =>
      Effect.gen(function* () {
        const answer = MockClient.respond(400, { error: code, error_description: "no\u001b[2J" })
        const error = yield* Effect.flip((yield* registering(answer)).registered)
        expect(error).toMatchObject({ reason: "Rejected", error: code })
        expect(allRenderings(error)).not.toContain("\u001b")
      })
  )

  it.effect.each<readonly [string, object]>([
    ["no id", { client_id: undefined }],
    ["an id that is null", { client_id: null }],
    ["an empty id", { client_id: "" }],
    ["an id that is a list", { client_id: ["canary"] }],
    ["an id with control characters", { client_id: "made\r\nx: y" }]
  ])("fails with InvalidResponse for %s, and names the URL to delete the client", ([_, changed]) =>
    Effect.gen(function* () {
      const { registered } = yield* registering(MockClient.respond(201, { ...made, ...changed }))
      const error = yield* Effect.flip(registered)
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(error.detail).toContain("`client_id`")
      expect(error.detail).toContain(`Delete it at ${issuer}/register/made`)
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  const none = { clientSecret: undefined, secretExpiresAt: undefined, registrationUri: undefined }
  it.effect.each<readonly [string, object, object]>([
    ["a numeric id", { client_id: 7 }, { clientId: "7" }],
    ["client_secret null", { client_secret: null, token_endpoint_auth_method: "none" }, { clientSecret: undefined }],
    ["an empty client_secret", { client_secret: "", token_endpoint_auth_method: "none" }, { clientSecret: undefined }],
    ["a secret beyond ASCII", { client_secret: "canary-\u20ac" }, { clientSecret: Redacted.make("canary-\u20ac") }],
    [
      "a secret without client_secret_expires_at",
      { client_secret_expires_at: undefined },
      { secretExpiresAt: undefined }
    ],
    ["client_secret_expires_at null", { client_secret_expires_at: null }, { secretExpiresAt: undefined }],
    ["client_secret_expires_at in digits", { client_secret_expires_at: "1700" }, { secretExpiresAt: 1_700_000 }],
    ["a word for client_secret_expires_at", { client_secret_expires_at: "never" }, { secretExpiresAt: undefined }],
    ["a negative client_secret_expires_at", { client_secret_expires_at: -1 }, { secretExpiresAt: undefined }],
    ["an empty method", { token_endpoint_auth_method: "" }, { method: "client_secret_post" }],
    ["a method that is null", { token_endpoint_auth_method: null }, { method: "client_secret_post" }],
    ["a method that is a list", { token_endpoint_auth_method: ["none"] }, { method: "client_secret_post" }],
    ["a token that is an object", { registration_access_token: {} }, { registrationToken: undefined }],
    ["a token that is null", { registration_access_token: null }, { registrationToken: undefined }],
    ["a path as the management URI", { registration_client_uri: "/m/1" }, { registrationUri: `${issuer}/m/1` }],
    [
      "a relative management URI",
      { registration_client_uri: "register/1" },
      { registrationUri: `${issuer}/register/1` }
    ],
    ["a management URI without TLS", { registration_client_uri: "http://auth.test/m" }, { registrationUri: undefined }],
    [
      "a management URI with a password",
      { registration_client_uri: "https://u:p@auth.test/m" },
      { registrationUri: undefined }
    ],
    ["a management URI that is not a URL", { registration_client_uri: "https://" }, { registrationUri: undefined }],
    ["a management URI that is null", { registration_client_uri: null }, { registrationUri: undefined }],
    ["lists that are null", { redirect_uris: null, grant_types: null, contacts: null }, { clientId: "made" }],
    [
      "nothing but the id",
      Object.fromEntries(Object.keys(made).map((name) => [name, name === "client_id" ? "made" : undefined])),
      { ...none, clientId: "made", method: "none" }
    ]
  ])("accepts a response with %s and any successful status", ([_, changed, expected]) =>
    Effect.gen(function* () {
      for (const status of [200, 201, 202]) {
        const registered = yield* (yield* registering(MockClient.respond(status, { ...made, ...changed }))).registered
        expect(registered).toMatchObject(expected)
        expect(allRenderings(registered)).not.toContain("canary")
      }
    })
  )

  it.effect("removes copies of its secrets from the metadata, under any name and at any depth", () =>
    Effect.gen(function* () {
      const jwk = { kty: "RSA", n: "n", e: "AQAB", d: "canary-private", k: "canary-private" }
      const copies = {
        Client_Secret: "canary-secret",
        clientSecret: "another canary",
        "x-copy": "it is canary-secret",
        "canary-registration": "a name",
        nested: { list: ["canary-secret", { registration_access_token: "canary-x", kept: 1 }, ["CANARY-SECRET"]] },
        jwks: { keys: [jwk] },
        management: { password: "canary-pass", access_token: "canary-access" },
        invited: "canary-invitation",
        ["__proto__"]: { client_secret: "canary-secret" }
      }
      const initialAccessToken = Redacted.make("canary-invitation")
      const answer = JSON.stringify({ ...made, ...copies }).replace(
        /}$/,
        `,"deep":${"[".repeat(5_000)}"canary-secret"${"]".repeat(5_000)}}`
      )
      const { registered } = yield* registering(MockClient.respond(201, answer), { initialAccessToken })
      const client = yield* registered
      expect(allRenderings(client)).not.toMatch(/canary/i)
      expect(JSON.stringify(client.metadata)).not.toMatch(/canary/i)
      expect(client.metadata).toMatchObject({
        client_name: "a program",
        token_endpoint_auth_method: "client_secret_basic",
        nested: { list: [{ kept: 1 }, []] },
        jwks: { keys: [{ kty: "RSA", n: "n", e: "AQAB" }] },
        management: {}
      })
      const encoded = yield* Schema.encode(Registration.RegisteredClient)(client)
      expect(JSON.stringify(encoded["metadata"])).not.toMatch(/canary/i)
    })
  )

  it.effect.each<readonly [string, number]>([
    ["1e306", 8.64e15],
    ["9223372036854775807", 8.64e15],
    ["1e400", 0],
    ["0", 0]
  ])("limits a client_secret_expires_at of %s to a valid time, or to no expiry", ([end, at]) =>
    Effect.gen(function* () {
      const text = JSON.stringify({ ...made, client_secret_expires_at: 1 }).replace(`_at":1`, `_at":${end}`)
      const json = { "content-type": "application/json" }
      const registered = yield* (yield* registering(MockClient.respond(201, text, json))).registered
      expect(registered.secretExpiresAt ?? 0).toBe(at)
    })
  )

  it.effect("fails with Unavailable for a response of 10 MiB", () =>
    Effect.gen(function* () {
      const { registered } = yield* registering(MockClient.respond(201, "x".repeat(10 * 1024 * 1024)))
      const error = yield* Effect.flip(registered)
      expect(error).toMatchObject({ reason: "Unavailable" })
      expect(error.message.length).toBeLessThan(1_000)
    })
  )

  it.effect.each<readonly [string, string | undefined, string | undefined, string]>([
    ["a secret, and none was requested", undefined, "canary", "client_secret_basic"],
    ["a secret, and client_secret_post was requested", "client_secret_post", "canary", "client_secret_post"],
    ["a secret, and the method none was requested", "none", "canary", "client_secret_basic"],
    ["no secret, and no method was requested", undefined, undefined, "none"],
    ["no secret, and client_secret_post was requested", "client_secret_post", undefined, "none"],
    ["no secret, and private_key_jwt was requested", "private_key_jwt", undefined, "private_key_jwt"]
  ])("selects the method if the response omits it, for %s", ([_, asked, client_secret, method]) =>
    Effect.gen(function* () {
      const answer = { ...made, client_secret, token_endpoint_auth_method: undefined }
      const { client } = yield* MockClient.make([
        metadata({ registration_endpoint: `${issuer}/register` }),
        MockClient.respond(201, answer)
      ])
      const registered = yield* Effect.provideService(
        Registration.register({ issuer }, { token_endpoint_auth_method: asked }),
        HttpClient.HttpClient,
        client
      )
      expect(registered.method).toBe(method)
    })
  )

  it.effect.each<readonly [string, object]>([
    ["a private key", { kty: "EC", crv: "P-256", x: "x", y: "y", d: "canary" }],
    ["a symmetric key", { kty: "oct", k: "canary" }]
  ])("rejects metadata with %s, sends nothing, and hides the key", ([_, key]) =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([])
      const register = Registration.register({ issuer }, { jwks: { keys: [{ kty: "EC" }, key] } })
      const error = yield* Effect.flip(Effect.provideService(register, HttpClient.HttpClient, client))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(allRenderings(error)).not.toContain("canary")
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("sends the request to registration_endpoint, and ignores mtls_endpoint_aliases", () =>
    Effect.gen(function* () {
      const server = {
        registration_endpoint: `${issuer}/register`,
        mtls_endpoint_aliases: { registration_endpoint: "https://evil.test/register" }
      }
      const { client, mock } = yield* MockClient.make([metadata(server), MockClient.respond(201, made)])
      const register = Registration.register({ issuer }, { ...wanted, use_mtls_endpoint_aliases: true })
      yield* Effect.provideService(register, HttpClient.HttpClient, client)
      expect((yield* mock.sent)[1]?.url).toBe(`${issuer}/register`)
    })
  )

  it.effect("sends one request if the connection is reset", () =>
    Effect.gen(function* () {
      const { posts, registered } = yield* registering(MockClient.fail("ECONNRESET"))
      expect(yield* Effect.flip(registered)).toMatchObject({ reason: "Unavailable" })
      expect(yield* posts).toHaveLength(1)
    })
  )

  it.effect.each<readonly [string, object]>([
    ["has no registration_endpoint", {}],
    ["has a registration_endpoint without TLS", { registration_endpoint: "http://auth.test/register" }]
  ])("sends nothing to a server that %s", ([_, server]) =>
    Effect.gen(function* () {
      const { posts, registered } = yield* registering(MockClient.respond(201, made), {}, server)
      expect(yield* Effect.flip(registered)).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* posts).toEqual([])
    })
  )
})

describe("Registration.register with an invalid JWK Set", () => {
  it.effect.each([{}, { keys: 7 }, { keys: [null, 7] }])(
    "sends an invalid JWK Set to the server, and returns its error: %j",
    (jwks) =>
      Effect.gen(function* () {
        const { client } = yield* MockClient.make(({ method }) =>
          method === "GET"
            ? metadata({ registration_endpoint: `${issuer}/register` })
            : MockClient.respond(400, { error: "invalid_client_metadata" })
        )
        // An untyped value, for example from a file.
        const read = { jwks } as Registration.Metadata
        const error = yield* Effect.flip(
          Effect.provideService(Registration.register({ issuer }, read), HttpClient.HttpClient, client)
        )
        expect(error).toMatchObject({ _tag: "TokenError", error: "invalid_client_metadata" })
      })
  )
})

describe("Registration.toClient", () => {
  const of = (more: object) =>
    new Registration.RegisteredClient({ issuer, clientId: "made", method: "none", metadata: {}, ...more })

  it("returns a public or a confidential client by the registered method", () => {
    expect(Registration.toClient(of({}))).toMatchObject({ clientAuthentication: { method: "none" } })
    const clientSecret = Redacted.make("canary")
    expect(Registration.toClient(of({ clientSecret, method: "client_secret_post" }))).toEqual({
      issuer,
      clientId: "made",
      clientSecret,
      clientAuthentication: "client_secret_post"
    })
  })

  it("omits clientAuthentication for private_key_jwt", () => {
    expect(Registration.toClient(of({ method: "private_key_jwt" }))).not.toHaveProperty("clientAuthentication")
  })

  it.effect("returns options that complete a sign-in at OAuthServer", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const redirectUri = "https://app.test/callback"
      const registered = yield* Registration.register({ issuer: server.issuer }, { redirect_uris: [redirectUri] })
      const { start, complete } = yield* AuthorizationCode.make({
        ...Registration.toClient(registered),
        redirectUri,
        scopes: ["read"],
        transport: OAuth2.dangerouslyAllowHttpOnLoopback
      })
      const transaction = yield* start()
      const { headers } = yield* HttpClient.get(transaction.url)
      const { token } = yield* complete(transaction, headers["location"] ?? "")
      expect(token.scope).toBe("read")
    }).pipe(Effect.provide(OAuthServer.layerMemory({ clients: {} })))
  )
})

it("returns an Effect with the documented types from Registration.register", () => {
  expectTypeOf(Registration.register).returns.toEqualTypeOf<
    Effect.Effect<Registration.RegisteredClient, InvalidRequest | TokenError, HttpClient.HttpClient>
  >()
})
