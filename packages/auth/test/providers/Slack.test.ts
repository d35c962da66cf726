import * as Slack from "@countersign/auth/providers/Slack"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { allRenderings } from "../support/allRenderings.js"
import { clientSecret, withFakeProvider, refreshing, signIn } from "../support/fakeProvider.js"

const options = { clientId: "1.2", clientSecret }

const slack = (answer: object) => withFakeProvider(() => MockClient.respond(200, answer))

const installed = {
  ok: true,
  access_token: "xoxb-canary",
  token_type: "bot",
  scope: "commands,chat:write",
  team: { id: "T1" },
  authed_user: { id: "U1", access_token: "xoxp-canary", token_type: "user", scope: "search:read" }
}

/** Slack accepts a client secret or PKCE, and rejects both together. */
const either = withFakeProvider((_url, _n, { body, headers }) => {
  const hasSecret = headers["authorization"] !== undefined
  const hasVerifier = new URLSearchParams(body).has("code_verifier")
  const error = hasSecret ? "pkce_not_allowed" : "invalid_code_verifier"
  return MockClient.respond(200, hasSecret === hasVerifier ? { ok: false, error } : installed)
})

describe("Slack", () => {
  it.effect("installs a bot with comma-separated scopes, and returns a Bearer token", () =>
    Effect.gen(function* () {
      const { posts, within } = yield* slack(installed)
      const { end, page, query } = yield* within(signIn({ ...Slack.bot(options), scopes: ["commands", "chat:write"] }))
      expect(page.origin + page.pathname).toBe("https://slack.com/oauth/v2/authorize")
      expect(query["scope"]).toBe("commands,chat:write")
      const { token } = yield* end
      expect(Redacted.value(token.accessToken)).toBe("xoxb-canary")
      expect(token).toMatchObject({ tokenType: "Bearer", scope: "commands chat:write", expiresAt: undefined })
      const [sent] = yield* posts
      expect(sent?.url).toBe("https://slack.com/api/oauth.v2.access")
      expect(sent?.headers["authorization"]).toMatch(/^Basic /)
    })
  )

  it.effect("returns the user token if user scopes are requested", () =>
    Effect.gen(function* () {
      const { within } = yield* slack(installed)
      const { end, query } = yield* within(signIn(Slack.user({ ...options, userScopes: ["search:read", "im:read"] })))
      expect(query["user_scope"]).toBe("search:read,im:read")
      const { token } = yield* end
      expect(Redacted.value(token.accessToken)).toBe("xoxp-canary")
      expect(token.scope).toBe("search:read")
    })
  )

  it.effect("fails with InvalidResponse if the response has no user token", () =>
    Effect.gen(function* () {
      const { within } = yield* slack({ ...installed, authed_user: { id: "U1" } })
      const { end } = yield* within(signIn(Slack.user({ ...options, userScopes: ["search:read"] })))
      expect(yield* Effect.flip(end)).toMatchObject({ reason: "InvalidResponse" })
    })
  )

  it.effect.each<readonly [string, object]>([
    ["has no authed_user", {}],
    ["has an authed_user without a token", { authed_user: { id: "U1" } }]
  ])("reads a refreshed user token from access_token if the response %s", ([_, more]) =>
    Effect.gen(function* () {
      const refreshed = { ok: true, access_token: "xoxe.xoxp-canary", token_type: "user", scope: "search:read,im:read" }
      const { within } = yield* slack({ ...refreshed, expires_in: 43_200, refresh_token: "xoxe-canary", ...more })
      const token = yield* within(refreshing(Slack.user({ ...options, userScopes: ["search:read"] })))
      expect(Redacted.value(token.accessToken)).toBe("xoxe.xoxp-canary")
      expect(token).toMatchObject({ scope: "search:read im:read", expiresAt: 43_200_000 })
    })
  )

  it.effect("sends a client secret or PKCE, and not both", () =>
    Effect.gen(function* () {
      const { forms, posts, within } = yield* either
      const withSecret = yield* within(signIn(Slack.bot(options)))
      const without = yield* within(signIn(Slack.user({ clientId: "1.2", userScopes: ["search:read"] })))
      expect(withSecret.query).not.toHaveProperty("code_challenge")
      expect(without.query).toMatchObject({ code_challenge_method: "S256" })
      yield* withSecret.end
      yield* without.end
      expect((yield* posts).map(({ headers }) => headers["authorization"] !== undefined)).toEqual([true, false])
      expect((yield* forms).map(({ code_verifier: verifier = "" }) => verifier.length)).toEqual([0, 43])
    })
  )

  it.effect("returns the rotated refresh token and the expiry of an app with token rotation", () =>
    Effect.gen(function* () {
      const rotated = {
        ...installed,
        access_token: "xoxe.xoxb-canary",
        refresh_token: "xoxe-canary",
        expires_in: 43_200
      }
      const { forms, within } = yield* slack(rotated)
      const token = yield* within(refreshing(Slack.bot(options)))
      expect(token.expiresAt).toBe(43_200_000)
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("xoxe-canary")
      expect(yield* forms).toEqual([{ grant_type: "refresh_token", refresh_token: "canary-refresh-1" }])
    })
  )

  it.effect.each<readonly [string, object]>([
    ["invalid_refresh_token", { reason: "ReauthorizationRequired", error: "invalid_grant" }],
    ["bad_client_secret", { reason: "Rejected", error: "invalid_client" }],
    ["bad_redirect_uri", { reason: "Rejected", error: "bad_redirect_uri" }],
    ["ratelimited", { reason: "Unavailable" }],
    ["internal_error", { reason: "Unavailable" }]
  ])("maps %s with ok: false and status 200 to an error", ([error, expected]) =>
    Effect.gen(function* () {
      const { within } = yield* slack({ ok: false, error })
      const failure = yield* Effect.flip(within(refreshing(Slack.bot(options))))
      expect(failure).toMatchObject(expected)
      expect(allRenderings(failure)).not.toContain("canary")
    })
  )

  it.effect("returns a user token without the bot's refresh token, scope and expiry", () =>
    Effect.gen(function* () {
      const { authed_user: user, ...bot } = installed
      const authed_user = { id: "U1", access_token: user.access_token, token_type: "user" }
      const { within } = yield* slack({ ...bot, authed_user, refresh_token: "xoxe-bot-canary", expires_in: 43_200 })
      const { end } = yield* within(signIn(Slack.user({ ...options, userScopes: ["search:read"] })))
      const { token } = yield* end
      expect([token.refreshToken, token.scope, token.expiresAt]).toEqual([undefined, undefined, undefined])
    })
  )
})
