import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as Fitbit from "@countersign/auth/providers/Fitbit"
import * as HubSpot from "@countersign/auth/providers/HubSpot"
import * as Meta from "@countersign/auth/providers/Meta"
import * as Supabase from "@countersign/auth/providers/Supabase"
import * as Twitch from "@countersign/auth/providers/Twitch"
import type { TokenReason } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { clientSecret, granted, withFakeProvider, refreshing, signIn } from "../support/fakeProvider.js"

const registered = { clientId: "c", clientSecret }

const meta = (error: object) => ({ error: { type: "OAuthException", fbtrace_id: "A", ...error } })

const fitbit = (errorType: string, message: string) => ({ errors: [{ errorType, message }], success: false })

const over = "ReauthorizationRequired"

/** Error responses of providers, from their documentation and the reports in `docs/reference/providers.md`. */
const rows: ReadonlyArray<readonly [string, OAuth2.Client, number, object, TokenReason, string | undefined]> = [
  [
    "HubSpot",
    HubSpot.app(registered),
    400,
    { status: "BAD_REFRESH_TOKEN", message: "missing or unknown refresh token", correlationId: "1" },
    over,
    "invalid_grant"
  ],
  ["HubSpot", HubSpot.app(registered), 400, { message: "missing or invalid refresh token" }, over, "invalid_grant"],
  [
    "HubSpot",
    HubSpot.app(registered),
    400,
    { status: "BAD_CLIENT_SECRET", message: "missing or invalid client secret" },
    "Rejected",
    "invalid_client"
  ],
  [
    "HubSpot",
    HubSpot.app(registered),
    400,
    { status: "BAD_GRANT_TYPE", message: "unknown" },
    "Rejected",
    "BAD_GRANT_TYPE"
  ],
  [
    "Twitch",
    Twitch.app(registered),
    400,
    { error: "Bad Request", status: 400, message: "Invalid refresh token" },
    over,
    "invalid_grant"
  ],
  [
    "Twitch",
    Twitch.app(registered),
    403,
    { status: 403, message: "invalid client secret" },
    "Rejected",
    "invalid_client"
  ],
  [
    "Meta",
    Meta.app(registered),
    400,
    meta({ code: 190, error_subcode: 463, message: "Session has expired" }),
    over,
    "invalid_grant"
  ],
  ["Meta", Meta.app(registered), 400, meta({ code: 100, error_subcode: 36009, message: "x" }), over, "invalid_grant"],
  [
    "Meta",
    Meta.app(registered),
    400,
    meta({ code: 100, message: "This authorization code has been used." }),
    over,
    "invalid_grant"
  ],
  [
    "Meta",
    Meta.app(registered),
    400,
    meta({ code: 1, message: "Error validating client secret." }),
    "Rejected",
    "invalid_client"
  ],
  [
    "Meta",
    Meta.app(registered),
    400,
    meta({ code: 4, message: "Application request limit reached" }),
    "Unavailable",
    undefined
  ],
  ["Supabase", Supabase.app(registered), 400, { message: "Invalid refresh token" }, over, "invalid_grant"],
  [
    "Supabase",
    Supabase.app(registered),
    400,
    { code: 400, error_code: "refresh_token_already_used", msg: "Invalid Refresh Token: Already Used" },
    over,
    "invalid_grant"
  ],
  [
    "Supabase",
    Supabase.app(registered),
    400,
    { code: 400, error_code: "validation_failed", msg: "no" },
    "Rejected",
    "validation_failed"
  ],
  [
    "Fitbit",
    Fitbit.app(registered),
    400,
    fitbit("invalid_grant", "Refresh token invalid: canary-refresh-1. Visit …"),
    over,
    "invalid_grant"
  ],
  [
    "Fitbit",
    Fitbit.app(registered),
    401,
    fitbit("invalid_client", "Invalid authorization header"),
    "Rejected",
    "invalid_client"
  ],
  ["Fitbit", Fitbit.app(registered), 409, fitbit("request_timeout", "try again"), "Unavailable", undefined]
]

describe("Provider presets", () => {
  it.effect.each(rows)("maps an error of %s (%#)", ([_, options, status, body, reason, code]) =>
    Effect.gen(function* () {
      const { within } = yield* withFakeProvider(() => MockClient.respond(status, body))
      const error = yield* Effect.flip(within(refreshing(options)))
      expect(error).toMatchObject({ _tag: "TokenError", reason, ...(code !== undefined && { error: code }) })
      expect(error.message).not.toContain("canary")
    })
  )

  it.effect.each<readonly [string, Parameters<typeof signIn>[0], string, string]>([
    [
      "HubSpot",
      HubSpot.app(registered),
      "https://app.hubspot.com/oauth/authorize",
      "https://api.hubapi.com/oauth/v3/token"
    ],
    ["Twitch", Twitch.app(registered), "https://id.twitch.tv/oauth2/authorize", "https://id.twitch.tv/oauth2/token"],
    [
      "Meta",
      Meta.app({ ...registered, version: "v23.0" }),
      "https://www.facebook.com/v23.0/dialog/oauth",
      "https://graph.facebook.com/v23.0/oauth/access_token"
    ],
    [
      "Supabase",
      Supabase.app(registered),
      "https://api.supabase.com/v1/oauth/authorize",
      "https://api.supabase.com/v1/oauth/token"
    ],
    ["Fitbit", Fitbit.app(registered), "https://www.fitbit.com/oauth2/authorize", "https://api.fitbit.com/oauth2/token"]
  ])("signs in at the endpoints of %s, and reads a list of scopes with status 201", ([_, options, page, token]) =>
    Effect.gen(function* () {
      const answer = MockClient.respond(201, { ...granted, scope: ["a", "b"], refresh_token: "canary-r" })
      const { posts, within } = yield* withFakeProvider(() => answer)
      const begun = yield* within(signIn(options))
      expect(begun.page.origin + begun.page.pathname).toBe(page)
      const signedIn = yield* begun.end
      expect(signedIn.token.scope).toBe("a b")
      expect(signedIn.token.refreshToken && Redacted.value(signedIn.token.refreshToken)).toBe("canary-r")
      expect((yield* posts)[0]?.url).toBe(token)
    })
  )

  it("returns the issuer of a Supabase project", () => {
    expect(Supabase.project({ ...registered, host: "x.supabase.co" }).issuer).toBe("https://x.supabase.co/auth/v1")
  })
})
