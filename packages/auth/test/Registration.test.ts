import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Registration from "@countersign/auth/Registration"
import type { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { issuer, metadata } from "./support/oauth.js"
import { printed } from "./support/printed.js"

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

/** Registers at a server that answers like this, and what it was sent. */
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

describe("a client that is registered", () => {
  it.effect("is asked for as JSON, with what the server does not know as well", () =>
    Effect.gen(function* () {
      const { posts, registered } = yield* registering(MockClient.respond(201, made))
      yield* registered
      const [sent] = yield* posts
      expect(sent?.url).toBe(`${issuer}/register`)
      expect(JSON.parse(String(sent?.body))).toEqual(wanted)
      expect(sent?.headers["authorization"]).toBeUndefined()
    })
  )

  it.effect("is what the server has made of it, and shows no secret", () =>
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
      expect(printed(registered)).not.toContain("canary")
    })
  )

  it.effect("is kept as text, and is the same when it is read again", () =>
    Effect.gen(function* () {
      const registered = yield* (yield* registering(MockClient.respond(201, made))).registered
      const kept = JSON.stringify(yield* Schema.encode(Registration.RegisteredClient)(registered))
      const read = yield* Schema.decodeUnknown(Registration.RegisteredClient)(JSON.parse(kept))
      expect(Registration.toClient(read)).toEqual(Registration.toClient(registered))
    })
  )

  it.effect("by invitation shows the token for that, and no error shows it", () =>
    Effect.gen(function* () {
      const initialAccessToken = Redacted.make("canary-invitation")
      const good = yield* registering(MockClient.respond(201, made), { initialAccessToken })
      yield* good.registered
      expect((yield* good.posts)[0]?.headers["authorization"]).toBe("Bearer canary-invitation")
      const quoting = { error: "invalid_token", error_description: "canary-invitation is not good" }
      const bad = yield* registering(MockClient.respond(401, quoting), { initialAccessToken })
      const error = yield* Effect.flip(bad.registered)
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_token" })
      expect(printed(error)).not.toContain("canary")
    })
  )

  it.effect("without an invitation where there has to be one is told so", () =>
    Effect.gen(function* () {
      const bare = MockClient.respond(401, "", { "www-authenticate": "Bearer" })
      const error = yield* Effect.flip((yield* registering(bare)).registered)
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_token" })
      expect(error.detail).toContain("initial access token")
    })
  )

  it.effect.each(["invalid_redirect_uri", "invalid_client_metadata"])("is refused with %s, typed", (code) =>
    Effect.gen(function* () {
      const answer = MockClient.respond(400, { error: code, error_description: "no\u001b[2J" })
      const error = yield* Effect.flip((yield* registering(answer)).registered)
      expect(error).toMatchObject({ reason: "Rejected", error: code })
      expect(printed(error)).not.toContain("\u001b")
    })
  )

  it.effect.each<readonly [string, object]>([
    ["no id", { client_id: undefined }],
    ["an id that is null", { client_id: null }],
    ["an empty id", { client_id: "" }],
    ["an id that is a list", { client_id: ["canary"] }],
    ["an id of control characters", { client_id: "made\r\nx: y" }]
  ])("is none, with %s, and the error says how to delete it", ([_, changed]) =>
    Effect.gen(function* () {
      const { registered } = yield* registering(MockClient.respond(201, { ...made, ...changed }))
      const error = yield* Effect.flip(registered)
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(error.detail).toContain("`client_id`")
      expect(error.detail).toContain(`delete it at ${issuer}/register/made`)
      expect(printed(error)).not.toContain("canary")
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
    ["a path as the place", { registration_client_uri: "/m/1" }, { registrationUri: `${issuer}/m/1` }],
    ["a relative place", { registration_client_uri: "register/1" }, { registrationUri: `${issuer}/register/1` }],
    ["a place without TLS", { registration_client_uri: "http://auth.test/m" }, { registrationUri: undefined }],
    ["a place with a password", { registration_client_uri: "https://u:p@auth.test/m" }, { registrationUri: undefined }],
    ["a place that is no URL", { registration_client_uri: "https://" }, { registrationUri: undefined }],
    ["a place that is null", { registration_client_uri: null }, { registrationUri: undefined }],
    ["lists that are null", { redirect_uris: null, grant_types: null, contacts: null }, { clientId: "made" }],
    [
      "nothing but the id",
      Object.fromEntries(Object.keys(made).map((name) => [name, name === "client_id" ? "made" : undefined])),
      { ...none, clientId: "made", method: "none" }
    ]
  ])("is read with %s, whatever the status of success", ([_, changed, expected]) =>
    Effect.gen(function* () {
      for (const status of [200, 201, 202]) {
        const registered = yield* (yield* registering(MockClient.respond(status, { ...made, ...changed }))).registered
        expect(registered).toMatchObject(expected)
        expect(printed(registered)).not.toContain("canary")
      }
    })
  )

  it.effect("shows no copy of its secrets, under whatever name and however deep", () =>
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
      expect(printed(client)).not.toMatch(/canary/i)
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
  ])("has a secret that ends at %s, which is a time, or never", ([end, at]) =>
    Effect.gen(function* () {
      const text = JSON.stringify({ ...made, client_secret_expires_at: 1 }).replace(`_at":1`, `_at":${end}`)
      const json = { "content-type": "application/json" }
      const registered = yield* (yield* registering(MockClient.respond(201, text, json))).registered
      expect(registered.secretExpiresAt ?? 0).toBe(at)
    })
  )

  it.effect("by an answer of 10 MiB is not known, and not read to its end", () =>
    Effect.gen(function* () {
      const { registered } = yield* registering(MockClient.respond(201, "x".repeat(10 * 1024 * 1024)))
      const error = yield* Effect.flip(registered)
      expect(error).toMatchObject({ reason: "Unavailable" })
      expect(error.message.length).toBeLessThan(1_000)
    })
  )

  it.effect.each<readonly [string, string | undefined, string | undefined, string]>([
    ["a secret, for which no method was asked", undefined, "canary", "client_secret_basic"],
    ["a secret, to be sent as it was asked for", "client_secret_post", "canary", "client_secret_post"],
    ["a secret, although none was asked for", "none", "canary", "client_secret_basic"],
    ["no secret, for which no method was asked", undefined, undefined, "none"],
    ["no secret, although one was asked for", "client_secret_post", undefined, "none"],
    ["no secret, since it was asked for with a key", "private_key_jwt", undefined, "private_key_jwt"]
  ])("by a server that says nothing of its method, and gives %s", ([_, asked, client_secret, method]) =>
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
    ["a secret one", { kty: "oct", k: "canary" }]
  ])("is not asked for with %s in it, which is not shown", ([_, key]) =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([])
      const register = Registration.register({ issuer }, { jwks: { keys: [{ kty: "EC" }, key] } })
      const error = yield* Effect.flip(Effect.provideService(register, HttpClient.HttpClient, client))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(printed(error)).not.toContain("canary")
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("is asked for nowhere else than where the metadata says, whatever aliases it has", () =>
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

  it.effect("is asked for once, whatever becomes of the answer", () =>
    Effect.gen(function* () {
      const { posts, registered } = yield* registering(MockClient.fail("ECONNRESET"))
      expect(yield* Effect.flip(registered)).toMatchObject({ reason: "Unavailable" })
      expect(yield* posts).toHaveLength(1)
    })
  )

  it.effect.each<readonly [string, object]>([
    ["names no place for that", {}],
    ["names one without TLS", { registration_endpoint: "http://auth.test/register" }]
  ])("is not asked for at a server that %s", ([_, server]) =>
    Effect.gen(function* () {
      const { posts, registered } = yield* registering(MockClient.respond(201, made), {}, server)
      expect(yield* Effect.flip(registered)).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* posts).toEqual([])
    })
  )
})

describe("a key set that is none", () => {
  it.effect.each([{}, { keys: 7 }, { keys: [null, 7] }])("is the server's to refuse: %j", (jwks) =>
    Effect.gen(function* () {
      const { client } = yield* MockClient.make(({ method }) =>
        method === "GET"
          ? metadata({ registration_endpoint: `${issuer}/register` })
          : MockClient.respond(400, { error: "invalid_client_metadata" })
      )
      // As it comes from a file.
      const read = { jwks } as Registration.Metadata
      const error = yield* Effect.flip(
        Effect.provideService(Registration.register({ issuer }, read), HttpClient.HttpClient, client)
      )
      expect(error).toMatchObject({ _tag: "TokenError", error: "invalid_client_metadata" })
    })
  )
})

describe("a registration in a grant's options", () => {
  const of = (more: object) =>
    new Registration.RegisteredClient({ issuer, clientId: "made", method: "none", metadata: {}, ...more })

  it("is a public client, or one with its secret, by the method that the server chose", () => {
    expect(Registration.toClient(of({}))).toMatchObject({ clientAuthentication: { method: "none" } })
    const clientSecret = Redacted.make("canary")
    expect(Registration.toClient(of({ clientSecret, method: "client_secret_post" }))).toEqual({
      issuer,
      clientId: "made",
      clientSecret,
      clientAuthentication: "client_secret_post"
    })
  })

  it("leaves a key to whoever has it", () => {
    expect(Registration.toClient(of({ method: "private_key_jwt" }))).not.toHaveProperty("clientAuthentication")
  })

  it.effect("signs somebody in, at a whole server", () =>
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

it("its channels are what they are said to be", () => {
  expectTypeOf(Registration.register).returns.toEqualTypeOf<
    Effect.Effect<Registration.RegisteredClient, InvalidRequest | TokenError, HttpClient.HttpClient>
  >()
})
