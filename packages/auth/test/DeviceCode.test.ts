import type { SignInResult } from "@countersign/auth/AuthorizationCode"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { ending, failing, options, pending, refusing, settled, slow, world } from "./support/device.js"
import { granted, issuer } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { answerOf } from "./support/signIn.js"

/** The result of `start` for a `verification_uri_complete`. */
const complete = (verificationUriComplete: string | undefined) => ({ verificationUriComplete })

describe("DeviceCode.start", () => {
  it.effect("sends scopes, resource and parameters, and returns the user code", () =>
    Effect.gen(function* () {
      const more = { scopes: ["openid", "read"], resource: "https://api.test", parameters: { audience: "x" } }
      const { start, posts } = yield* world({ options: more })
      const shown = yield* start
      expect(shown).toMatchObject({
        userCode: "WDJB-MJHT",
        verificationUri: "https://auth.test/go",
        verificationUriComplete: "https://auth.test/go?user_code=WDJB-MJHT",
        expiresAt: 60_000,
        interval: 5000
      })
      const [{ body } = { body: "" }] = yield* posts
      expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
        client_id: "client",
        scope: "openid read",
        resource: "https://api.test",
        audience: "x"
      })
    })
  )

  it.effect("uses an interval of five seconds when the server sends none", () =>
    Effect.gen(function* () {
      const { start } = yield* world({ code: { interval: undefined, verification_uri_complete: undefined } })
      expect(yield* start).toMatchObject({ interval: 5000, verificationUriComplete: undefined })
    })
  )

  it.effect("decodes a device authorization after a restart, and prints it without the device code", () =>
    Effect.gen(function* () {
      const { start, poll } = yield* world({ answers: [granted()] })
      const shown = yield* start
      expect(allRenderings(shown)).not.toContain("canary")
      const kept = JSON.stringify(yield* Schema.encode(DeviceCode.DeviceAuthorization)(shown))
      const read = yield* Schema.decodeUnknown(DeviceCode.DeviceAuthorization)(JSON.parse(kept))
      const { token } = yield* Effect.flatten(ending(poll(read)))
      expect(Redacted.value(token.accessToken)).toBe("canary-a")
    })
  )

  it.effect("limits expires_in and interval to one day", () =>
    Effect.gen(function* () {
      const { start } = yield* world({ code: { expires_in: 1e12, interval: 1e12 } })
      expect(yield* start).toMatchObject({ expiresAt: 86_400_000, interval: 86_400_000 })
    })
  )

  it.effect.each<readonly [string, object]>([
    ["no device code", { device_code: undefined }],
    ["an empty user code", { user_code: "" }],
    ["a user code with an escape sequence", { user_code: "WDJB\u001b[2J" }],
    ["a user code with a direction override", { user_code: "WDJB\u202eMJHT" }],
    ["a user code of 65 characters", { user_code: "W".repeat(65) }],
    ["a verification_uri without TLS", { verification_uri: "http://auth.test/go" }],
    ["a javascript: URL as verification_uri", { verification_uri: "javascript:alert(1)" }],
    ["a verification_uri with a line break", { verification_uri: "https://auth.test/go\r\nenter 0000" }],
    ["a verification_uri with a password", { verification_uri: "https://user:pass@auth.test/go" }]
  ])("rejects a response with %s", ([_, changed]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* world({ code: changed })).start)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect.each<readonly [string, object, object]>([
    [
      "a verification_uri_complete without TLS",
      { verification_uri_complete: "http://auth.test/go?c=1" },
      complete(undefined)
    ],
    ["an empty verification_uri_complete", { verification_uri_complete: "" }, complete(undefined)],
    ["a verification_uri_complete that is null", { verification_uri_complete: null }, complete(undefined)],
    [
      "a verification_uri_complete that is a list",
      { verification_uri_complete: ["https://auth.test/go"] },
      complete(undefined)
    ],
    ["no expires_in", { expires_in: undefined }, { expiresAt: 900_000 }],
    ["a negative expires_in", { expires_in: -1 }, { expiresAt: 900_000 }],
    ["expires_in null", { expires_in: null }, { expiresAt: 900_000 }],
    ["an unreadable expires_in", { expires_in: "soon" }, { expiresAt: 900_000 }],
    ["an interval of 0", { interval: 0 }, { interval: 1_000 }],
    ["a negative interval", { interval: -5 }, { interval: 5_000 }],
    ["an interval that is null", { interval: null }, { interval: 5_000 }],
    ["an interval as a string of digits", { interval: "7" }, { interval: 7_000 }],
    ["an unreadable interval", { interval: "often" }, { interval: 5_000 }],
    ["a user code that is a number", { user_code: 123456 }, { userCode: "123456" }]
  ])("accepts a response with %s", ([_, changed, expected]) =>
    Effect.gen(function* () {
      expect(yield* (yield* world({ code: changed })).start).toMatchObject(expected)
    })
  )

  it.effect.each([200, 201, 202])("accepts a form and JSON with status %d", (status) =>
    Effect.gen(function* () {
      const form =
        "device_code=canary&user_code=AB&verification_uri=https%3A%2F%2Fauth.test%2Fgo&expires_in=60&interval=2"
      for (const answer of [
        MockClient.respond(status, form, { "content-type": "application/x-www-form-urlencoded" }),
        MockClient.respond(status, JSON.stringify(Object.fromEntries(new URLSearchParams(form))), {
          "content-type": "text/html"
        })
      ]) {
        const begun = yield* (yield* world({ device: answer })).start
        expect(begun).toMatchObject({ userCode: "AB", expiresAt: 60_000, interval: 2_000 })
      }
    })
  )

  it.effect("names the invalid member in the error, and shows no value", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* world({ code: { user_code: ["canary"] } })).start)
      expect(error.detail).toContain("`user_code` is a list, expected a string")
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect.each<readonly [string, object]>([
    ["without device_authorization_endpoint", { device_authorization_endpoint: undefined }],
    ["with a plain http device_authorization_endpoint", { device_authorization_endpoint: "http://auth.test/device" }]
  ])("rejects metadata %s, and sends no request", ([_, changed]) =>
    Effect.gen(function* () {
      const { start, posts } = yield* world({ metadata: changed })
      expect(yield* Effect.flip(start)).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* posts).toEqual([])
    })
  )

  it.effect("uses configured endpoints without discovery", () =>
    Effect.gen(function* () {
      const named = { tokenEndpoint: `${issuer}/token`, deviceAuthorizationEndpoint: `${issuer}/device` }
      const { start, mock } = yield* world({ options: named })
      yield* start
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("rejects a configured endpoint without TLS", () =>
    Effect.gen(function* () {
      const named = { tokenEndpoint: `${issuer}/token`, deviceAuthorizationEndpoint: "http://auth.test/device" }
      expect(yield* Effect.flip(world({ options: named }))).toMatchObject({ _tag: "InvalidRequest" })
    })
  )
})

describe("DeviceCode.poll", () => {
  it.effect("polls every five seconds until the user approves, and returns the token", () =>
    Effect.gen(function* () {
      const { start, poll, polls, posts } = yield* world({ answers: [pending, pending, granted()] })
      const { claims, token } = yield* Effect.flatten(ending(poll(yield* start)))
      expect(yield* polls).toEqual([5, 10, 15])
      expect(Redacted.value(token.accessToken)).toBe("canary-a")
      expect(claims).toBeUndefined()
      expect(Object.fromEntries(new URLSearchParams((yield* posts).at(-1)?.body))).toEqual({
        client_id: "client",
        device_code: "canary-device",
        grant_type: "urn:ietf:params:oauth:grant-type:device_code"
      })
    })
  )

  it.effect("adds five seconds to the interval after each slow_down", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ answers: [slow, slow, pending, granted()] })
      yield* Effect.flatten(ending(poll(yield* start), 90))
      expect(yield* polls).toEqual([5, 15, 30, 45])
    })
  )

  it.effect("doubles the interval after each failed request, until a response arrives", () =>
    Effect.gen(function* () {
      const down = MockClient.respond(503, "down")
      const answers = [MockClient.fail("ECONNRESET"), down, pending, granted()]
      const { start, poll, polls } = yield* world({ answers })
      yield* Effect.flatten(ending(poll(yield* start)))
      expect(yield* polls).toEqual([5, 15, 35, 40])
    })
  )

  it.effect("polls again after the retry-after of a 429", () =>
    Effect.gen(function* () {
      const busy = MockClient.respond(429, {}, { "retry-after": "30" })
      const { start, poll, polls } = yield* world({ answers: [busy, granted()] })
      yield* Effect.flatten(ending(poll(yield* start)))
      expect(yield* polls).toEqual([5, 35])
    })
  )

  it.effect("fails with expired_token when the user does not decide in time", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world()
      const error = yield* failing(poll(yield* start))
      expect(error).toMatchObject({ reason: "ReauthorizationRequired", error: "expired_token" })
      expect(yield* polls).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55])
    })
  )

  it.effect.each<readonly [string, MockClient.Step, object]>([
    ["the user declines", refusing("access_denied"), { reason: "Rejected", error: "access_denied" }],
    ["the code has expired", refusing("expired_token"), { reason: "ReauthorizationRequired", error: "expired_token" }],
    [
      "the server sends invalid_grant",
      refusing("invalid_grant"),
      { reason: "ReauthorizationRequired", error: "invalid_grant" }
    ],
    ["the server sends invalid_client", refusing("invalid_client"), { reason: "Rejected", error: "invalid_client" }],
    ["access_token is a number", granted({ access_token: 7 }), { reason: "InvalidResponse" }]
  ])("stops polling with an error when %s", ([_, answer, expected]) =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ answers: [pending, answer] })
      expect(yield* failing(poll(yield* start), 30)).toMatchObject(expected)
      expect(yield* polls).toEqual([5, 10])
    })
  )

  it.effect("stops polling when it is interrupted", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world()
      const fiber = yield* Effect.fork(poll(yield* start))
      yield* TestClock.adjust("6 seconds")
      yield* settled
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("50 seconds")
      expect(yield* polls).toEqual([5])
    })
  )

  it.effect("rejects a device authorization of another client or issuer without polling", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world()
      const mine = yield* start
      for (const changed of [{ issuer: "https://other.test" }, { client: "other" }]) {
        const other = new DeviceCode.DeviceAuthorization({ ...mine, ...changed })
        expect(yield* Effect.flip(poll(other))).toMatchObject({ reason: "InvalidResponse" })
      }
      expect(yield* polls).toEqual([])
    })
  )

  it.effect("hides the device code when the error response repeats it", () =>
    Effect.gen(function* () {
      const quoting = refusing("access_denied", { error_description: "no to canary-device" })
      const { start, poll } = yield* world({ answers: [quoting] })
      expect(allRenderings(yield* failing(poll(yield* start), 10))).not.toContain("canary")
    })
  )
})

describe("ID token of a device", () => {
  const openid = { scopes: ["openid", "read"] }

  it.effect("returns the claims of a signed ID token", () =>
    Effect.gen(function* () {
      const { start, poll } = yield* world({ options: openid, answers: [yield* answerOf(undefined)] })
      const { claims, idToken } = yield* Effect.flatten(ending(poll(yield* start), 10))
      expect(claims?.sub).toBe("ada")
      expect(idToken && Redacted.value(idToken).split(".")).toHaveLength(3)
    })
  )

  it.effect.each<readonly [string, Parameters<typeof answerOf>[1]]>([
    ["signed by another key", { signedBy: "stranger" }],
    ["not signed", { alg: "none" }],
    ["signed with a public key as a secret", { alg: "HS256" }],
    ["for another client", { claims: { aud: "other" } }],
    ["of another issuer", { claims: { iss: "https://other.test" } }],
    ["missing", { idToken: false }]
  ])("rejects an ID token that is %s", ([_, told]) =>
    Effect.gen(function* () {
      const { start, poll } = yield* world({ options: openid, answers: [yield* answerOf(undefined, told)] })
      const error = yield* failing(poll(yield* start), 10)
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(error.detail).toContain("the ID token is invalid")
      expect(allRenderings(error)).not.toContain("canary")
    })
  )
})

describe("DeviceCode with OAuthServer", () => {
  it.effect("returns the user's token after the user approves the code", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const { start, poll } = yield* DeviceCode.make({
        ...options,
        issuer: server.issuer,
        scopes: ["openid", "read"],
        transport: OAuth2.dangerouslyAllowHttpOnLoopback
      })
      const shown = yield* start
      const fiber = yield* Effect.fork(poll(shown))
      yield* TestClock.adjust("5 seconds")
      yield* settled
      expect(yield* server.approveDevice(shown.userCode)).toBe(true)
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(fiber)).claims?.sub).toBe("user")
    }).pipe(Effect.provide(OAuthServer.layerMemory({ clients: { client: { public: true } } })))
  )
})

it("declares the types of make, start and poll", () => {
  expectTypeOf(DeviceCode.make).returns.toEqualTypeOf<
    Effect.Effect<DeviceCode.Service, InvalidRequest, HttpClient.HttpClient>
  >()
  expectTypeOf<DeviceCode.Service["start"]>().toEqualTypeOf<Effect.Effect<DeviceCode.DeviceAuthorization, TokenError>>()
  expectTypeOf<DeviceCode.Service["poll"]>().returns.toEqualTypeOf<Effect.Effect<SignInResult, TokenError>>()
})
