import type { Profile } from "@countersign/testing/OAuthServer"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Line, transcript as exchange } from "./support/transcript.js"

const profiles: ReadonlyArray<Profile> = Object.values(OAuthServer.profiles)

const cache = new Map(profiles.map((profile) => [profile, Effect.runSync(Effect.cached(exchange(profile)))]))

/** Cached exchanges of a client with a profile. */
const transcript = (profile: Profile) => cache.get(profile) ?? exchange(profile)

const deviations = profiles.flatMap((profile) =>
  profile.deviations.map((deviation) => [`${profile.name}: ${deviation.what}`, profile, deviation] as const)
)

/** Deviations that belong to the issuer of the profile, so that their removal changes nothing. */
const changesNothing = ["the issuer ends with a slash"]

const bodyOf = (lines: ReadonlyArray<Line>, what: string): unknown => lines.find((line) => line.what === what)?.body

const statusOf = (lines: ReadonlyArray<Line>, what: string): number | undefined =>
  lines.find((line) => line.what === what)?.status

const { atlassian, auth0, cognito, entra, fitbit, github, google, hubspot, linkedin, meta, netatmo } =
  OAuthServer.profiles
const { reddit, salesforce, shopify, slack, slackUser, spotify, strava, supabase, twitch, x, zoho } =
  OAuthServer.profiles

const unknown = "refresh with an unknown refresh token"

const sent: ReadonlyArray<readonly [string, Profile, string, number, object]> = [
  [
    "twitch sends scopes as a list",
    twitch,
    "refresh without a scope",
    200,
    { scope: ["openid", "read", "offline_access", "offline.access"] }
  ],
  ["twitch sends an error with its status", twitch, unknown, 400, { status: 400, message: "Invalid refresh token" }],
  ["netatmo sends scopes as a list", netatmo, "refresh with a scope", 200, { scope: ["read"], expire_in: 3600 }],
  ["supabase sends 201", supabase, "refresh with a scope", 201, { token_type: "Bearer" }],
  ["supabase sends a message", supabase, unknown, 400, { message: "Invalid refresh token" }],
  ["hubspot sends a status", hubspot, unknown, 400, { status: "BAD_REFRESH_TOKEN" }],
  ["github sends errors with 200", github, unknown, 200, { error: "bad_refresh_token" }],
  ["github sends a form", github, "refresh without accept", 200, { error: "bad_refresh_token" }],
  ["slack sends ok: false", slack, unknown, 200, { ok: false, error: "invalid_refresh_token" }],
  ["slack sends a token of type bot", slack, "exchange", 200, { ok: true, token_type: "bot" }],
  ["slack sends the token of a user in an object", slackUser, "exchange", 200, { authed_user: { token_type: "user" } }],
  ["atlassian sends 403", atlassian, unknown, 403, { error: "unauthorized_client" }],
  ["auth0 sends 403", auth0, unknown, 403, { error: "invalid_grant" }],
  ["x sends invalid_request", x, unknown, 400, { error: "invalid_request" }],
  ["x rejects client_secret_post", x, "exchange with client_secret_post", 401, { error: "unauthorized_client" }],
  ["strava sends a list of errors", strava, unknown, 400, { errors: [{ resource: "RefreshToken" }] }],
  ["fitbit sends a list of errors", fitbit, unknown, 400, { success: false, errors: [{ errorType: "invalid_grant" }] }],
  ["meta sends an error as an object", meta, "exchange a used code", 400, { error: { code: 100 } }],
  ["zoho sends errors with 200", zoho, unknown, 200, { error: "invalid_code" }],
  ["salesforce rejects scope", salesforce, "refresh with a scope", 400, { error: "invalid_request" }],
  ["entra requires scope", entra, "refresh without a scope", 400, { error: "invalid_request" }],
  ["entra rejects resource", entra, "refresh for a resource", 400, { error: "invalid_target" }],
  ["google names another issuer", google, "exchange", 200, { id_token: { iss: "accounts.google.com" } }],
  ["spotify does not decode credentials", spotify, "exchange", 200, { token_type: "Bearer" }],
  ["shopify sends scopes with commas", shopify, "exchange", 200, { scope: "openid,read,offline_access,offline.access" }]
]

describe("OAuthServer profile option", () => {
  it("has at least 25 providers with distinct names", () => {
    expect(profiles.length).toBeGreaterThanOrEqual(25)
    expect(new Set(profiles.map(({ name }) => name)).size).toBe(profiles.length)
  })

  it("documents a source for each deviation", () => {
    for (const { deviations } of profiles) for (const { source } of deviations) expect(source.length).toBeGreaterThan(5)
  })

  it.effect.each(profiles.map((profile) => [profile.name, profile] as const))(
    "repeats the same exchanges: %s",
    ([, profile]) =>
      Effect.gen(function* () {
        expect(yield* transcript(profile)).toEqual(yield* exchange(profile))
      })
  )

  it.effect.each(deviations.filter(([, , { what }]) => !changesNothing.includes(what)))(
    "changes an exchange because of %s",
    ([, profile, deviation]) =>
      Effect.gen(function* () {
        const without = { ...profile, deviations: profile.deviations.filter((one) => one !== deviation) }
        expect(yield* transcript(profile)).not.toEqual(yield* exchange(without, profile))
      })
  )

  it.effect.each(sent)("%s", ([, profile, what, status, body]) =>
    Effect.gen(function* () {
      const lines = yield* transcript(profile)
      expect(bodyOf(lines, what)).toMatchObject(body)
      expect(statusOf(lines, what)).toBe(status)
    })
  )

  it.effect.each([
    ["auth0", auth0],
    ["authentik", OAuthServer.profiles.authentik]
  ] as const)("has an issuer with a trailing slash: %s", ([, profile]) =>
    Effect.gen(function* () {
      const lines = yield* transcript(profile)
      const issuers = lines.flatMap(({ body }) => (body as { readonly issuer?: string }).issuer ?? [])
      expect(issuers).toEqual([profile.issuer])
      expect(profile.issuer).toMatch(/\/$/)
    })
  )

  it.effect("responds 204 to a revocation of reddit", () =>
    Effect.gen(function* () {
      expect(statusOf(yield* transcript(reddit), "revoke")).toBe(204)
    })
  )

  it.effect("omits nonce and token_type for linkedin", () =>
    Effect.gen(function* () {
      const lines = yield* transcript(linkedin)
      expect(bodyOf(lines, "exchange")).not.toHaveProperty("id_token.nonce")
      expect(bodyOf(lines, "refresh without a scope")).not.toHaveProperty("token_type")
    })
  )

  it.effect("rejects + in a scope and responds 400 at another well-known URL for cognito", () =>
    Effect.gen(function* () {
      const lines = yield* transcript(cognito)
      expect(lines.map(({ status }) => status)).toContain(400)
      expect(lines.find(({ what }) => what === "authorize with + in the scope")?.location).toContain("invalid_request")
    })
  )

  it.effect("serves the origins of the provider only", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HttpClient.get("https://oauth.test/token"))
      expect(error._tag).toBe("RequestError")
      const { issuer, tokenEndpoint } = yield* OAuthServer.OAuthServer
      expect([issuer, tokenEndpoint]).toEqual(["https://accounts.google.com", "https://oauth2.googleapis.com/token"])
    }).pipe(Effect.provide(OAuthServer.layerMemory({ profile: google })))
  )

  it.scoped("serves the paths of the provider on a real port", () =>
    Effect.gen(function* () {
      const { issuer, tokenEndpoint } = yield* OAuthServer.OAuthServer
      expect(issuer).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/oauth2$/)
      expect(tokenEndpoint).toBe(`${issuer}/token`)
      const metadata = yield* HttpClient.get("/oauth2/.well-known/openid-configuration")
      expect(yield* metadata.json).toMatchObject({ issuer, token_endpoint: tokenEndpoint })
    }).pipe(Effect.provide(OAuthServer.layer({ profile: twitch })), Effect.provide(NodeHttpServer.layerTest))
  )

  it.effect("prefers options to settings of the profile", () =>
    Effect.gen(function* () {
      const { issueTokens } = yield* OAuthServer.OAuthServer
      expect(yield* issueTokens({ clientId: "client" })).toMatchObject({ expires_in: 3600 })
    }).pipe(Effect.provide(OAuthServer.layerMemory({ profile: salesforce, expiresIn: true })))
  )
})
