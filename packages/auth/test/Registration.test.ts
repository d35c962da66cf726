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
      const kept = JSON.stringify(yield* Schema.encode(Registration.Registered)(registered))
      const read = yield* Schema.decodeUnknown(Registration.Registered)(JSON.parse(kept))
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
      expect(error).toMatchObject({ reason: "Refused", error: "invalid_token" })
      expect(printed(error)).not.toContain("canary")
    })
  )

  it.effect("without an invitation where there has to be one is told so", () =>
    Effect.gen(function* () {
      const bare = MockClient.respond(401, "", { "www-authenticate": "Bearer" })
      const error = yield* Effect.flip((yield* registering(bare)).registered)
      expect(error).toMatchObject({ reason: "Refused", error: "invalid_token" })
      expect(error.detail).toContain("initial access token")
    })
  )

  it.effect.each(["invalid_redirect_uri", "invalid_client_metadata"])("is refused with %s, typed", (code) =>
    Effect.gen(function* () {
      const answer = MockClient.respond(400, { error: code, error_description: "no\u001b[2J" })
      const error = yield* Effect.flip((yield* registering(answer)).registered)
      expect(error).toMatchObject({ reason: "Refused", error: code })
      expect(printed(error)).not.toContain("\u001b")
    })
  )

  it.effect.each<readonly [string, object]>([
    ["no id", { client_id: undefined }],
    ["an empty id", { client_id: "" }],
    ["an id that is a number", { client_id: 7 }],
    ["a secret that is none", { client_secret: 7 }],
    ["a secret without a word of its end", { client_secret_expires_at: undefined }],
    ["an end that is a text", { client_secret_expires_at: "never" }],
    ["a method that is a list", { token_endpoint_auth_method: ["none"] }],
    ["a token that is an object", { registration_access_token: {} }]
  ])("is none, with %s", ([_, changed]) =>
    Effect.gen(function* () {
      const { registered } = yield* registering(MockClient.respond(201, { ...made, ...changed }))
      const error = yield* Effect.flip(registered)
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(printed(error)).not.toContain("canary")
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

describe("a registration in a grant's options", () => {
  const of = (more: object) =>
    new Registration.Registered({ issuer, clientId: "made", method: "none", metadata: {}, ...more })

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
      const { begin, finish } = yield* AuthorizationCode.make({
        ...Registration.toClient(registered),
        redirectUri,
        scopes: ["read"],
        transport: OAuth2.dangerouslyPlainHttpOnLoopback
      })
      const transaction = yield* begin()
      const { headers } = yield* HttpClient.get(transaction.url)
      const { token } = yield* finish(transaction, headers["location"] ?? "")
      expect(token.scope).toBe("read")
    }).pipe(Effect.provide(OAuthServer.layerMemory({ clients: {} })))
  )
})

it("its channels are what they are said to be", () => {
  expectTypeOf(Registration.register).returns.toEqualTypeOf<
    Effect.Effect<Registration.Registered, InvalidRequest | TokenError, HttpClient.HttpClient>
  >()
})
