import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as Google from "@countersign/auth/providers/Google"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"
import { calling, clientSecret, withFakeProvider, keys, refreshing, signIn, signInAs } from "../support/fakeProvider.js"
import { runPendingWork } from "../support/pendingWork.js"

const client = Google.client({ clientId: "1.apps.googleusercontent.com", clientSecret })

/** Google's endpoints are on other hosts than its issuer. */
const metadata = {
  issuer: "https://accounts.google.com",
  authorization_endpoint: "https://accounts.google.com/o/oauth2/v2/auth",
  token_endpoint: "https://oauth2.googleapis.com/token",
  device_authorization_endpoint: "https://oauth2.googleapis.com/device/code",
  jwks_uri: "https://www.googleapis.com/oauth2/v3/certs"
}

const google = (granted: object) =>
  withFakeProvider((url) => {
    if (url.startsWith("https://accounts.google.com/.well-known/openid")) return MockClient.respond(200, metadata)
    if (url === metadata.token_endpoint) {
      return MockClient.respond(200, {
        access_token: "ya29.canary",
        expires_in: 3599,
        token_type: "Bearer",
        ...granted
      })
    }
    return url.startsWith("https://api.test") ? MockClient.respond(200, {}) : MockClient.respond(404, "")
  })

describe("Google", () => {
  it.effect("requests a refresh token with access_type and prompt", () =>
    Effect.gen(function* () {
      const { within } = yield* google({ refresh_token: "1//canary" })
      const { end, query } = yield* within(signIn({ ...client, scopes: ["email"] }))
      expect(query).toMatchObject({ access_type: "offline", prompt: "consent", scope: "email" })
      const { token } = yield* end
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("1//canary")
    })
  )

  it.effect("sends only the client id for a client without a secret", () =>
    Effect.gen(function* () {
      const { forms, posts, within } = yield* google({})
      const { end } = yield* within(signIn(Google.client({ clientId: "1.apps.googleusercontent.com" })))
      yield* end
      expect((yield* posts)[0]?.headers).not.toHaveProperty("authorization")
      expect((yield* forms)[0]).toMatchObject({ client_id: "1.apps.googleusercontent.com" })
    })
  )

  it.effect("keeps the refresh token if the refresh response omits it", () =>
    Effect.gen(function* () {
      const { within } = yield* google({})
      const token = yield* within(refreshing(client))
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("canary-refresh-1")
    })
  )

  it.effect("sends no sign-in parameters with a refresh", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* google({})
      yield* within(calling(RefreshToken.layer({ ...client, refreshToken: Redacted.make("1//canary") })))
      expect(yield* forms).toEqual([{ grant_type: "refresh_token", refresh_token: "1//canary" }])
    })
  )

  it.effect.each<readonly [string, string, object]>([
    ["the issuer of the metadata", "https://accounts.google.com", { claims: { sub: "ada" } }],
    ["the issuer without https", "accounts.google.com", { claims: { sub: "ada" } }],
    ["rejected: another host", "https://accounts.google.com.evil.test", { reason: "InvalidResponse" }]
  ])("validates iss of an ID token: %s", ([_, iss, expected]) =>
    Effect.gen(function* () {
      const told = (answer: () => MockClient.Step) =>
        withFakeProvider((url) => {
          if (url.includes("/.well-known/")) return MockClient.respond(200, metadata)
          return url === metadata.jwks_uri ? keys : answer()
        })
      const end = yield* Effect.merge(signInAs(told, { ...client, scopes: ["openid"] }, { iss }))
      expect(end).toMatchObject(expected)
    })
  )

  it.effect("reads verification_url, and polls after pending responses with status 428 and 403", () =>
    Effect.gen(function* () {
      const code = { device_code: "canary", user_code: "GQVQ-JKEC", verification_url: "https://www.google.com/device" }
      const { forms, within } = yield* withFakeProvider((url, n) => {
        if (url.includes("/.well-known/")) return MockClient.respond(200, metadata)
        if (url === metadata.device_authorization_endpoint) {
          return MockClient.respond(200, { ...code, expires_in: 1800, interval: 5 })
        }
        if (n === 1)
          return MockClient.respond(428, { error: "authorization_pending", error_description: "Precondition" })
        if (n === 2) return MockClient.respond(403, { error: "slow_down", error_description: "Forbidden" })
        return MockClient.respond(200, { access_token: "ya29.canary", token_type: "Bearer", expires_in: 3599 })
      })
      const device = Google.device({ clientId: "1.apps.googleusercontent.com", clientSecret })
      const { start, poll } = yield* within(DeviceCode.make({ ...device, scopes: ["email"] }))
      const pending = yield* start
      expect(pending.verificationUri).toBe("https://www.google.com/device")
      const ended = yield* Effect.fork(poll(pending))
      for (const _ of [1, 2, 3, 4]) {
        yield* TestClock.adjust("5 seconds")
        yield* runPendingWork(5)
      }
      expect((yield* Fiber.join(ended)).token.tokenType).toBe("Bearer")
      expect((yield* forms).map((form) => form["client_secret"])).toEqual(
        Array.from({ length: 4 }, () => "canary-secret")
      )
    })
  )

  it.effect.each<readonly [string, string | undefined]>([
    ["without a subject", undefined],
    ["for a user of its domain", "ada@example.com"]
  ])("requests a service account token %s, with the scopes in the assertion", ([_, subject]) =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = yield* Effect.promise(() => jose.generateKeyPair("RS256"))
      const { forms, within } = yield* google({})
      const email = "robot@project.iam.gserviceaccount.com"
      const key = { key: privateKey, kid: "1" }
      yield* within(calling(JwtBearer.layer(Google.serviceAccount({ email, key, subject, scopes: ["a", "b"] }))))
      const [form = {}] = yield* forms
      expect(form["grant_type"]).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer")
      expect(form).not.toHaveProperty("scope")
      const { payload, protectedHeader } = yield* Effect.promise(() =>
        jose.jwtVerify(form["assertion"] ?? "", publicKey, { currentDate: new Date(0) })
      )
      expect(protectedHeader).toMatchObject({ alg: "RS256", kid: "1" })
      expect(payload).toMatchObject({ iss: email, aud: "https://oauth2.googleapis.com/token", scope: "a b" })
      expect(payload.sub).toBe(subject)
    })
  )
})
