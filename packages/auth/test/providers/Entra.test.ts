import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as Entra from "@countersign/auth/providers/Entra"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import { calling, clientSecret, imitating, signIn } from "../support/imitated.js"

const tenant = "11111111-2222-3333-4444-555555555555"
const base = "https://login.microsoftonline.com"
const app = Entra.client({ tenant, clientId: "app", clientSecret })

const metadataOf = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/authorize`,
  token_endpoint: `${base}/${tenant}/oauth2/v2.0/token`
})

const granted = { access_token: "canary-access", token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599 }

const claims = '{"access_token":{"nbf":{"essential":true,"value":"1702682181"}}}'

/** It answers OpenID Connect's discovery only; the API wants fresh claims for the first token. */
const entra = (first: MockClient.Step = MockClient.respond(200, {}), issuer = `${base}/${tenant}/v2.0`) =>
  imitating((url, n) => {
    if (url.endsWith("/v2.0/.well-known/openid-configuration")) return MockClient.respond(200, metadataOf(issuer))
    if (url.endsWith("/oauth2/v2.0/token")) return MockClient.respond(200, granted)
    if (url.startsWith("https://api.test")) return n === 1 ? first : MockClient.respond(200, {})
    return MockClient.respond(404, "")
  })

describe("Entra", () => {
  it.effect("gives a service all that it was granted at an API", () =>
    Effect.gen(function* () {
      const { forms, posts, within } = yield* entra()
      const scopes = [Entra.defaultScope("https://graph.microsoft.com")]
      yield* within(calling(ClientCredentials.layer({ ...app, scopes })))
      expect(yield* forms).toEqual([
        { grant_type: "client_credentials", scope: "https://graph.microsoft.com/.default" }
      ])
      expect((yield* posts)[0]?.url).toBe(`${base}/${tenant}/oauth2/v2.0/token`)
    })
  )

  it.effect("is asked again with the claims that an API wants to see (continuous access)", () =>
    Effect.gen(function* () {
      const encoded = Encoding.encodeBase64(claims)
      const field = `Bearer realm="", authorization_uri="${base}/common/oauth2/authorize", error="insufficient_claims", claims="${encoded}"`
      const { forms, within } = yield* entra(MockClient.respond(401, {}, { "www-authenticate": field }))
      yield* within(calling(RefreshToken.layer({ ...app, settling: 0, refreshToken: Redacted.make("canary-refresh") })))
      expect((yield* forms).map((form) => form["claims"])).toEqual([undefined, claims])
    })
  )

  it.effect("lets a service in the middle act for somebody, by Microsoft's own parameter", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* entra()
      const options = { tenant, clientId: "app", clientSecret, scopes: ["api://x/.default"] }
      const token = Effect.succeed(Redacted.make("canary-user"))
      yield* within(calling(JwtBearer.layer(Entra.onBehalfOf({ ...options, token, account: "ada" }))))
      expect(yield* forms).toEqual([
        {
          grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
          requested_token_use: "on_behalf_of",
          assertion: "canary-user",
          scope: "api://x/.default"
        }
      ])
    })
  )

  it.effect("of nobody's tenant is not used: its issuer is a pattern, which anybody's tenant fits", () =>
    Effect.gen(function* () {
      const { posts, within } = yield* entra(undefined, `${base}/{tenantid}/v2.0`)
      const common = Entra.client({ tenant: "common", clientId: "app", clientSecret })
      const error = yield* Effect.flip(within(signIn({ ...common, scopes: ["openid"] })))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(yield* posts).toEqual([])
    })
  )
})
