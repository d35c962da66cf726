import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as Google from "@countersign/auth/providers/Google"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import { calling, clientSecret, imitating, refreshing, signIn } from "../support/imitated.js"

const client = Google.client({ clientId: "1.apps.googleusercontent.com", clientSecret })

/** Its endpoints are at other hosts than its issuer. */
const metadata = {
  issuer: "https://accounts.google.com",
  authorization_endpoint: "https://accounts.google.com/o/oauth2/v2/auth",
  token_endpoint: "https://oauth2.googleapis.com/token"
}

const google = (granted: object) =>
  imitating((url) => {
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
  it.effect("is asked for a refresh token, which it would not give by itself", () =>
    Effect.gen(function* () {
      const { within } = yield* google({ refresh_token: "1//canary" })
      const { end, query } = yield* within(signIn({ ...client, scopes: ["email"] }))
      expect(query).toMatchObject({ access_type: "offline", prompt: "consent", scope: "email" })
      const { token } = yield* end
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("1//canary")
    })
  )

  it.effect("leaves the refresh token out of a refresh: the old one is kept", () =>
    Effect.gen(function* () {
      const { within } = yield* google({})
      const token = yield* within(refreshing(client))
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("canary-refresh-1")
    })
  )

  it.effect("goes on for somebody with the same options, whose parameters are the sign-in's alone", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* google({})
      yield* within(calling(RefreshToken.layer({ ...client, refreshToken: Redacted.make("1//canary") })))
      expect(yield* forms).toEqual([{ grant_type: "refresh_token", refresh_token: "1//canary" }])
    })
  )

  it.effect.each<readonly [string, string | undefined]>([
    ["in its own name, and says nobody's", undefined],
    ["for somebody of its domain", "ada@example.com"]
  ])("has a service account ask %s, with the scopes in the assertion", ([_, subject]) =>
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
