import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as Dpop from "@countersign/auth/Dpop"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fc from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { ending, failing, options, pending, settled, world } from "./support/device.js"
import { granted, issuer } from "./support/oauth.js"
import { answerOf } from "./support/signIn.js"

const down = MockClient.respond(503, "down")
const openid = { scopes: ["openid", "read"] }

describe("DeviceCode.poll", () => {
  it.effect("polls again after twice the interval when a response takes over 20 seconds", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ answers: [MockClient.never, granted()] })
      yield* Effect.flatten(ending(poll(yield* start)))
      expect(yield* polls).toEqual([5, 35])
    })
  )

  it.effect("polls a last time just before the code expires, and returns the approved token", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ answers: [down, down, down, granted()] })
      const { token } = yield* Effect.flatten(ending(poll(yield* start)))
      expect(yield* polls).toEqual([5, 15, 35, 59])
      expect(Redacted.value(token.accessToken)).toBe("canary-a")
    })
  )

  it.effect("stops polling when the code expires, although every response was a 503", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ answers: Array.from({ length: 9 }, () => down) })
      expect(yield* failing(poll(yield* start))).toMatchObject({ reason: "ReauthorizationRequired" })
      expect(yield* polls).toEqual([5, 15, 35, 59])
    })
  )

  it.effect("repeats discovery after a restart when the metadata request got a 503", () =>
    Effect.gen(function* () {
      const begun = yield* (yield* world()).start
      const { poll, polls } = yield* world({ discovery: [down, down], answers: [granted()] })
      yield* Effect.flatten(ending(poll(begun)))
      expect(yield* polls).toEqual([15])
    })
  )

  it.effect("stops polling after a token response, although the JWK Set is unavailable", () =>
    Effect.gen(function* () {
      const answers = [yield* answerOf(undefined), pending]
      const { start, poll, polls } = yield* world({ options: openid, answers, keys: [down, down, down] })
      expect(yield* failing(poll(yield* start))).toMatchObject({ reason: "Unavailable" })
      expect(yield* polls).toEqual([5])
    })
  )

  it.effect("stops polling when it is interrupted during a request", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ answers: [MockClient.never] })
      const fiber = yield* Effect.fork(poll(yield* start))
      yield* TestClock.adjust("6 seconds")
      yield* settled
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("50 seconds")
      expect(yield* polls).toEqual([5])
    })
  )
})

describe("device authorization response", () => {
  it.effect("raises the interval to one second when the server sends less", () =>
    Effect.gen(function* () {
      const { start } = yield* world({ code: { interval: 1e-9 } })
      expect(yield* start).toMatchObject({ interval: 1000 })
    })
  )

  it.effect("accepts expires_in as a string of digits", () =>
    Effect.gen(function* () {
      const { start } = yield* world({ code: { expires_in: "60" } })
      expect(yield* start).toMatchObject({ expiresAt: 60_000 })
    })
  )

  it.effect("fails with ReauthorizationRequired when expires_in is 0, without polling", () =>
    Effect.gen(function* () {
      const { start, poll, polls } = yield* world({ code: { expires_in: 0 } })
      expect(yield* Effect.flip(poll(yield* start))).toMatchObject({ reason: "ReauthorizationRequired" })
      expect(yield* polls).toEqual([])
    })
  )

  it.effect("keeps the fragments of the verification URIs", () =>
    Effect.gen(function* () {
      const page = { verification_uri: `${issuer}/#/device`, verification_uri_complete: `${issuer}/#/device?c=1` }
      const { start } = yield* world({ code: page })
      const { verificationUri, verificationUriComplete } = yield* start
      expect([verificationUri, verificationUriComplete]).toEqual([`${issuer}/#/device`, `${issuer}/#/device?c=1`])
    })
  )

  it.effect.prop(
    "returns printable texts and bounded times, or a TokenError, for any response",
    [
      Fc.record(
        {
          device_code: Fc.jsonValue(),
          user_code: Fc.oneof(Fc.string({ unit: "binary", maxLength: 90 }), Fc.jsonValue()),
          verification_uri: Fc.oneof(
            Fc.string({ unit: "binary" }).map((text) => `https://auth.test/${text}`),
            Fc.jsonValue()
          ),
          verification_uri_complete: Fc.oneof(Fc.webUrl({ withFragments: true }), Fc.jsonValue()),
          expires_in: Fc.oneof(Fc.double(), Fc.jsonValue()),
          interval: Fc.oneof(Fc.double(), Fc.jsonValue())
        },
        { requiredKeys: [] }
      )
    ],
    ([code]) =>
      Effect.gen(function* () {
        const begun = yield* Effect.either((yield* world({ code })).start)
        if (Either.isLeft(begun)) {
          expect(begun.left._tag).toBe("TokenError")
          return
        }
        const { expiresAt, interval, userCode, verificationUri } = begun.right
        expect(`${userCode}${verificationUri}`).not.toMatch(/\p{Cc}/u)
        expect(verificationUri.startsWith("https://")).toBe(true)
        expect(interval).toBeGreaterThanOrEqual(1000)
        expect(Math.max(interval, expiresAt)).toBeLessThanOrEqual(86_400_000)
      }),
    { fastCheck: { numRuns: 60 } }
  )
})

describe("DeviceCode with a DPoP key", () => {
  const signingIn = Effect.gen(function* () {
    const server = yield* OAuthServer.OAuthServer
    const { start, poll } = yield* DeviceCode.make({
      ...options,
      issuer: server.issuer,
      dpop: yield* Dpop.generateKey,
      transport: OAuth2.dangerouslyAllowHttpOnLoopback
    })
    const shown = yield* start
    yield* server.approveDevice(shown.userCode)
    return ending(poll(shown), 10)
  })
  const clients = { client: { public: true } }

  it.effect("acquires a DPoP token from a server that requires a nonce", () =>
    Effect.gen(function* () {
      const { token } = yield* Effect.flatten(yield* signingIn)
      expect(token.tokenType).toBe("DPoP")
    }).pipe(Effect.provide(OAuthServer.layerMemory({ clients, dpop: { required: true, nonce: true } })))
  )

  it.effect("rejects a token that is not bound to the DPoP key", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.flatten(yield* signingIn))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
    }).pipe(Effect.provide(OAuthServer.layerMemory({ clients, dpop: { downgrade: true } })))
  )
})
