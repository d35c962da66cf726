import * as Introspection from "@countersign/auth/Introspection"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { client, issuer, metadata } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { runPendingWork } from "./support/pendingWork.js"

const token = Redacted.make("canary-token")

/** Introspection at a server with this response, and the requests that the server received. */
const asking = (answer: MockClient.Step, server: object = { introspection_endpoint: `${issuer}/introspect` }) =>
  Effect.gen(function* () {
    const { client: transport, mock } = yield* MockClient.make(({ method }) =>
      method === "GET" ? metadata(server) : answer
    )
    const { introspect } = yield* Effect.provideService(
      Introspection.make({ ...client, tokenEndpoint: undefined }),
      HttpClient.HttpClient,
      transport
    )
    const posts = Effect.map(mock.sent, (sent) => sent.filter(({ method }) => method === "POST"))
    return { introspect, posts }
  })

describe("Introspection", () => {
  it.effect("returns all members of an active token, with times in milliseconds", () =>
    Effect.gen(function* () {
      const said = {
        active: true,
        scope: "read write",
        client_id: "web",
        username: "ada@example.com",
        token_type: "Bearer",
        exp: 1_700_000_600,
        iat: 1_700_000_000,
        nbf: 1_700_000_001,
        sub: "ada",
        aud: "https://api.test",
        iss: issuer,
        jti: "1",
        tenant: { id: 7 }
      }
      const { introspect, posts } = yield* asking(MockClient.respond(200, said))
      expect(yield* introspect(token, "access_token")).toEqual({
        active: true,
        scope: "read write",
        clientId: "web",
        username: "ada@example.com",
        tokenType: "Bearer",
        expiresAt: 1_700_000_600_000,
        issuedAt: 1_700_000_000_000,
        notBefore: 1_700_000_001_000,
        subject: "ada",
        audience: ["https://api.test"],
        issuer,
        id: "1",
        claims: said
      })
      expect((yield* posts).map(({ body }) => body)).toEqual(["token_type_hint=access_token&token=canary-token"])
    })
  )

  it.effect("accepts a response that has active only", () =>
    Effect.gen(function* () {
      const { introspect } = yield* asking(MockClient.respond(200, { active: true }))
      const said = yield* introspect(token)
      expect(said).toMatchObject({ active: true, expiresAt: undefined, audience: undefined })
    })
  )

  it.effect.each<readonly [string, number]>([
    ["9223372036854775807", 8.64e15],
    ["1e306", 8.64e15],
    ["-1e306", -8.64e15]
  ])("limits exp %s to the range of dates", ([exp, at]) =>
    Effect.gen(function* () {
      const json = { "content-type": "application/json" }
      const { introspect } = yield* asking(MockClient.respond(200, `{"active":true,"exp":${exp}}`, json))
      expect(yield* introspect(token)).toMatchObject({ expiresAt: at })
    })
  )

  it.effect("rejects a signed introspection response that was not requested", () =>
    Effect.gen(function* () {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
      const said = { iss: issuer, aud: "client", iat: 0, token_introspection: { active: true } }
      const forged = `${part({ alg: "RS256", typ: "token-introspection+jwt" })}.${part(said)}.${part({})}`
      const type = { "content-type": "application/token-introspection+jwt" }
      const { introspect } = yield* asking(MockClient.respond(200, forged, type))
      expect(yield* Effect.flip(introspect(token))).toMatchObject({ reason: "InvalidResponse" })
    })
  )

  it.effect("fails with Unavailable after three responses of 10 MiB", () =>
    Effect.gen(function* () {
      const { introspect, posts } = yield* asking(MockClient.respond(200, "x".repeat(10 * 1024 * 1024)))
      const fiber = yield* Effect.fork(Effect.flip(introspect(token)))
      while (Option.isNone(yield* Fiber.poll(fiber))) {
        // The test clock does not control the promises of the OAuth library.
        yield* runPendingWork(5)
        yield* TestClock.adjust("250 millis")
      }
      const error = yield* Fiber.join(fiber)
      expect(error).toMatchObject({ reason: "Unavailable" })
      expect(allRenderings(error)).not.toContain("xxx")
      expect(yield* posts).toHaveLength(3)
    })
  )

  it.effect.each<readonly [string, object, object]>([
    ["a time as a string of digits", { exp: "1700000600" }, { expiresAt: 1_700_000_600_000 }],
    ["scopes as a list", { scope: ["read", "write"] }, { scope: "read write" }],
    [
      "members that are null",
      { exp: null, aud: null, sub: null, iss: null, username: null, jti: null, scope: null },
      {}
    ],
    ["members that are empty", { exp: "", aud: "", sub: "", token_type: "", username: "", scope: "" }, {}],
    ["a username that is an object, and a numeric jti", { username: { a: 1 }, jti: 7, token_type: [] }, {}]
  ])("accepts a response with %s", ([_, more, expected]) =>
    Effect.gen(function* () {
      for (const status of [200, 201]) {
        const { introspect } = yield* asking(MockClient.respond(status, { active: true, ...more }))
        const { claims, ...said } = { claims: {}, ...(yield* introspect(token)) }
        const stated = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))
        expect(stated).toEqual({ active: true, ...expected })
        expect(claims).toEqual({ active: true, ...more })
      }
    })
  )

  it.effect("names the invalid member in the error, and shows no value", () =>
    Effect.gen(function* () {
      const { introspect } = yield* asking(MockClient.respond(200, { active: true, aud: [{ canary: 1 }] }))
      const error = yield* Effect.flip(introspect(token))
      expect(error.detail).toContain("`aud` is a list, expected a string or a list of strings")
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("returns no other members for an inactive token", () =>
    Effect.gen(function* () {
      const { introspect } = yield* asking(MockClient.respond(200, { active: false, sub: "ada", scope: "all" }))
      expect(yield* introspect(token)).toEqual({ active: false })
    })
  )

  it.effect.each<readonly [string, MockClient.Step]>([
    ["no active", MockClient.respond(200, { sub: "ada" })],
    ["a string as active", MockClient.respond(200, { active: "true" })],
    ["a list", MockClient.respond(200, [])],
    ["an infinite exp", MockClient.respond(200, `{"active":true,"exp":1e400}`)],
    ["a word as exp", MockClient.respond(200, { active: true, exp: "soon" })],
    ["a list as nbf", MockClient.respond(200, { active: true, nbf: [1] })],
    ["an issuer that is an object", MockClient.respond(200, { active: true, iss: { canary: 1 } })],
    ["a subject that is a number", MockClient.respond(200, { active: true, sub: 7 })],
    ["an audience of numbers", MockClient.respond(200, { active: true, aud: [7] })]
  ])("rejects a response with %s", ([_, answer]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* asking(answer)).introspect(token))
      expect(["InvalidResponse", "Unavailable"]).toContain(error.reason)
      expect(allRenderings(error)).not.toContain("canary")
    }).pipe(Effect.zipLeft(TestClock.adjust("1 second"), { concurrent: true }))
  )

  it.effect("fails with Rejected after invalid_client, and does not show the token", () =>
    Effect.gen(function* () {
      const quoting = { error: "invalid_client", error_description: "not for canary-token" }
      const { introspect } = yield* asking(MockClient.respond(401, quoting))
      const error = yield* Effect.flip(introspect(token))
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_client" })
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect.each<readonly [string, object]>([
    ["without introspection_endpoint", {}],
    ["with a plain http introspection_endpoint", { introspection_endpoint: "http://auth.test/introspect" }]
  ])("rejects metadata %s, and sends no request", ([_, server]) =>
    Effect.gen(function* () {
      const { introspect, posts } = yield* asking(MockClient.respond(200, { active: true }), server)
      expect(yield* Effect.flip(introspect(token))).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* posts).toEqual([])
    })
  )
})

describe("Introspection with OAuthServer", () => {
  it.effect("returns active true until the token is revoked", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const { access_token: text } = yield* server.issueTokens({ clientId: "client", scope: "read" })
      const clientSecret = Redacted.make("secret")
      const { introspect } = yield* Introspection.make({ issuer: server.issuer, clientId: "client", clientSecret })
      expect(yield* introspect(Redacted.make(text))).toMatchObject({ active: true, scope: "read", subject: "user" })
      yield* server.revokeAccessTokens
      expect(yield* introspect(Redacted.make(text))).toEqual({ active: false })
      expect(yield* introspect(Redacted.make("made up"))).toEqual({ active: false })
    }).pipe(Effect.provide(OAuthServer.layerMemory()))
  )
})

it("declares the types of make and introspect", () => {
  expectTypeOf(Introspection.make).returns.toEqualTypeOf<
    Effect.Effect<Introspection.Service, InvalidRequest, HttpClient.HttpClient>
  >()
  expectTypeOf<Introspection.Service["introspect"]>().returns.toEqualTypeOf<
    Effect.Effect<Introspection.IntrospectionResult, TokenError>
  >()
})
