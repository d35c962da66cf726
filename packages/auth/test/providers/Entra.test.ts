import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as Entra from "@countersign/auth/providers/Entra"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import {
  calling,
  clientSecret,
  idToken,
  withFakeProvider,
  keys,
  refreshing,
  signIn,
  signInAs
} from "../support/fakeProvider.js"

const tenant = "11111111-2222-3333-4444-555555555555"
const base = "https://login.microsoftonline.com"
const app = Entra.client({ tenant, clientId: "app", clientSecret })

const metadataOf = (issuer: string) => ({
  issuer,
  jwks_uri: `${base}/common/discovery/v2.0/keys`,
  authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/authorize`,
  token_endpoint: `${base}/${tenant}/oauth2/v2.0/token`
})

const granted = { access_token: "canary-access", token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599 }

const claims = '{"access_token":{"nbf":{"essential":true,"value":"1702682181"}}}'

/** Entra serves only OpenID Connect metadata. `first` is the API's response to the first call. */
const entra = (first: MockClient.Step = MockClient.respond(200, {}), issuer = `${base}/${tenant}/v2.0`) =>
  withFakeProvider((url, n) => {
    if (url.endsWith("/v2.0/.well-known/openid-configuration")) return MockClient.respond(200, metadataOf(issuer))
    if (url.endsWith("/oauth2/v2.0/token")) return MockClient.respond(200, granted)
    if (url.startsWith("https://api.test")) return n === 1 ? first : MockClient.respond(200, {})
    return MockClient.respond(404, "")
  })

const wrong = { reason: "InvalidResponse" }

describe("Entra", () => {
  it.effect("requests the `.default` scope of an API with client credentials", () =>
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

  it.effect("refreshes with the claims of an insufficient_claims challenge (continuous access evaluation)", () =>
    Effect.gen(function* () {
      const encoded = Encoding.encodeBase64(claims)
      const field = `Bearer realm="", authorization_uri="${base}/common/oauth2/authorize", error="insufficient_claims", claims="${encoded}"`
      const { forms, within } = yield* entra(MockClient.respond(401, {}, { "www-authenticate": field }))
      yield* within(
        calling(RefreshToken.layer({ ...app, propagationDelay: 0, refreshToken: Redacted.make("canary-refresh") }))
      )
      expect((yield* forms).map((form) => form["claims"])).toEqual([undefined, claims])
    })
  )

  it.effect("sends requested_token_use with the on-behalf-of grant", () =>
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

  const somebody = (as: string, issuer: string) => (answer: () => MockClient.Step) =>
    withFakeProvider((url) => {
      if (url === `${base}/${as}/v2.0/.well-known/openid-configuration`)
        return MockClient.respond(200, metadataOf(issuer))
      if (url.endsWith("/keys")) return keys
      return url.endsWith("/token") ? answer() : MockClient.respond(404, "")
    })

  const of = (id: string) => `${base}/${id}/v2.0`
  const personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
  const other = "99999999-2222-3333-4444-555555555555"

  it.effect.each<readonly [string, string, string, jose.JWTPayload, object]>([
    ["a user of any tenant", "common", of("{tenantid}"), { iss: of(tenant), tid: tenant }, { claims: { tid: tenant } }],
    [
      "a user of any organization",
      "organizations",
      of("{tenantid}"),
      { iss: of(other), tid: other },
      { claims: { tid: other } }
    ],
    ["a user with a personal account", "consumers", of(personal), { iss: of(personal), tid: personal }, { claims: {} }],
    [
      "a user of the configured tenant",
      tenant,
      of(tenant),
      { iss: of(tenant), tid: tenant },
      { claims: { tid: tenant } }
    ],
    [
      "rejected: a tid that differs from the tenant of iss",
      "common",
      of("{tenantid}"),
      { iss: of(tenant), tid: other },
      wrong
    ],
    ["rejected: no tid", "common", of("{tenantid}"), { iss: of(tenant) }, wrong],
    [
      "rejected: the pattern itself as tid",
      "common",
      of("{tenantid}"),
      { iss: of("{tenantid}/"), tid: "{tenantid}/" },
      wrong
    ],
    ["rejected: a tid with path segments", "common", of("{tenantid}"), { iss: of("../x"), tid: "../x" }, wrong],
    ["rejected: another tenant than the configured one", tenant, of(tenant), { iss: of(other), tid: other }, wrong]
  ])("validates the tenant of an ID token: %s", ([_, as, issuer, claims, expected]) =>
    Effect.gen(function* () {
      const options = { ...Entra.client({ tenant: as, clientId: "app", clientSecret }), scopes: ["openid"] }
      expect(yield* Effect.merge(signInAs(somebody(as, issuer), options, claims))).toMatchObject(expected)
    })
  )

  it.effect("accepts the ID token of a refresh for any tenant", () =>
    Effect.gen(function* () {
      const token = yield* idToken({ aud: "app", iss: of(tenant), tid: tenant })
      const answer = MockClient.respond(200, { ...granted, refresh_token: "canary-2", id_token: token })
      const { within } = yield* somebody("common", of("{tenantid}"))(() => answer)
      const renewed = yield* within(refreshing(Entra.client({ tenant: "common", clientId: "app", clientSecret })))
      expect(renewed.refreshToken && Redacted.value(renewed.refreshToken)).toBe("canary-2")
    })
  )

  it.effect.each<readonly [string, string]>([
    ["a pattern, with one tenant configured", of("{tenantid}")],
    ["another tenant", of(other)],
    ["another server", "https://login.evil.test/{tenantid}/v2.0"]
  ])("rejects metadata with an issuer that is %s", ([_, issuer]) =>
    Effect.gen(function* () {
      const { posts, within } = yield* entra(undefined, issuer)
      const error = yield* Effect.flip(within(signIn({ ...app, scopes: ["openid"] })))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(yield* posts).toEqual([])
    })
  )

  it.effect("rejects a tenant that is a domain name, because the metadata has another issuer", () =>
    Effect.gen(function* () {
      const { within } = yield* entra()
      const named = Entra.client({ tenant: "contoso.onmicrosoft.com", clientId: "app", clientSecret })
      expect(yield* Effect.flip(within(signIn(named)))).toMatchObject({ reason: "InvalidResponse" })
    })
  )

  it.effect("sends a client assertion with the certificate's thumbprint", () =>
    Effect.gen(function* () {
      const { privateKey: key, publicKey } = yield* Effect.promise(() => jose.generateKeyPair("PS256"))
      const { forms, within } = yield* entra()
      const thumbprint = "A1bC2dE3fH4iJ5kL6mN7oP8qR9sT0uA1bC2dE3fH4iJ"
      const clientAuthentication = Entra.certificate({ tenant, key, thumbprint })
      const service = Entra.client({ tenant, clientId: "app", clientAuthentication })
      yield* within(calling(ClientCredentials.layer({ ...service, scopes: ["https://graph.microsoft.com/.default"] })))
      const [form = {}] = yield* forms
      const { payload, protectedHeader } = yield* Effect.promise(() =>
        jose.jwtVerify(form["client_assertion"] ?? "", publicKey, { currentDate: new Date(0) })
      )
      expect(protectedHeader).toEqual({ alg: "PS256", typ: "JWT", "x5t#S256": thumbprint })
      expect(payload).toMatchObject({ iss: "app", sub: "app", aud: `${base}/${tenant}/oauth2/v2.0/token` })
    })
  )

  it.effect.each<readonly [string, object]>([
    ["invalid_client", { reason: "Rejected", error: "invalid_client" }],
    ["invalid_grant", { reason: "ReauthorizationRequired", error: "invalid_grant" }],
    ["interaction_required", { reason: "ReauthorizationRequired", error: "interaction_required" }]
  ])("shows the AADSTS code of a rejected refresh: %s", ([error, expected]) =>
    Effect.gen(function* () {
      const description = "AADSTS50076: Due to a configuration change, use multi-factor authentication. Trace ID: 1"
      const refused = {
        error,
        error_description: description,
        error_codes: [50076],
        trace_id: "1",
        suberror: "basic_action"
      }
      const { within } = yield* somebody(tenant, of(tenant))(() => MockClient.respond(400, refused))
      const failure = yield* Effect.flip(within(refreshing(app)))
      expect(failure).toMatchObject(expected)
      expect(failure.message).toContain("AADSTS50076")
    })
  )
})
