import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as GitHub from "@countersign/auth/providers/GitHub"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { clientSecret, withFakeProvider, refreshing, signIn } from "../support/fakeProvider.js"
import { runPendingWork } from "../support/pendingWork.js"

const app = GitHub.app({ clientId: "Iv1.client", clientSecret })

/** GitHub responds with JSON only if the client accepts it, and sends errors with status 200. */
const github = (answer: object) =>
  withFakeProvider((url, _, { headers }) => {
    if (url !== "https://github.com/login/oauth/access_token") return MockClient.respond(404, "")
    return headers["accept"] === "application/json"
      ? MockClient.respond(200, answer)
      : MockClient.respond(200, "access_token=gho_canary&scope=repo&token_type=bearer")
  })

const granted = { access_token: "gho_canary", token_type: "bearer", scope: "repo,gist" }

describe("GitHub", () => {
  it.effect("returns a token without expiry, with its comma-separated scopes split by spaces", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* github(granted)
      const { end, page, query } = yield* within(signIn({ ...app, scopes: ["repo", "gist"] }))
      expect(page.origin + page.pathname).toBe("https://github.com/login/oauth/authorize")
      expect(query).toMatchObject({ scope: "repo gist", code_challenge_method: "S256" })
      const { token } = yield* end
      expect(token).toMatchObject({ scope: "repo gist", tokenType: "Bearer" })
      expect([token.expiresAt, token.refreshToken]).toEqual([undefined, undefined])
      expect(yield* forms).toMatchObject([{ client_id: "Iv1.client", client_secret: "canary-secret" }])
    })
  )

  it.effect("returns the expiry and the refresh token of a GitHub App", () =>
    Effect.gen(function* () {
      const more = { expires_in: 28_800, refresh_token: "ghr_canary", refresh_token_expires_in: 15_811_200, scope: "" }
      const { within } = yield* github({ ...granted, ...more })
      const token = yield* within(refreshing(app))
      expect(token.expiresAt).toBe(28_800_000)
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("ghr_canary")
    })
  )

  it.effect.each<readonly [string, object]>([
    ["bad_refresh_token", { reason: "ReauthorizationRequired", error: "invalid_grant" }],
    ["incorrect_client_credentials", { reason: "Rejected", error: "invalid_client" }],
    ["application_suspended", { reason: "Rejected", error: "application_suspended" }]
  ])("maps %s with status 200 to an error", ([error, expected]) =>
    Effect.gen(function* () {
      const { posts, within } = yield* github({ error, error_description: "no", error_uri: "https://docs.github.com" })
      expect(yield* Effect.flip(within(refreshing(app)))).toMatchObject(expected)
      expect(yield* posts).toHaveLength(1)
    })
  )

  it.effect("maps bad_verification_code to ReauthorizationRequired", () =>
    Effect.gen(function* () {
      const { within } = yield* github({ error: "bad_verification_code" })
      const { end } = yield* within(signIn(app))
      expect(yield* Effect.flip(end)).toMatchObject({ reason: "ReauthorizationRequired", error: "invalid_grant" })
    })
  )

  it.effect("sends no client secret in the device flow", () =>
    Effect.gen(function* () {
      const shown = {
        device_code: "canary",
        user_code: "WDJB-MJHT",
        verification_uri: "https://github.com/login/device"
      }
      const { forms, within } = yield* withFakeProvider((url, n) => {
        if (url === "https://github.com/login/device/code") {
          return MockClient.respond(200, { ...shown, expires_in: 900, interval: 5 })
        }
        return MockClient.respond(200, n === 1 ? { error: "authorization_pending" } : granted)
      })
      const device = { ...GitHub.app({ clientId: "Iv1.client" }), scopes: ["repo"] }
      const { start, poll } = yield* within(DeviceCode.make(device))
      const pending = yield* start
      const ended = yield* Effect.fork(poll(pending))
      for (let n = 0; n < 3; n++) {
        yield* TestClock.adjust("5 seconds")
        yield* runPendingWork(5)
      }
      expect((yield* ended).token.scope).toBe("repo gist")
      expect((yield* forms).map(({ client_secret }) => client_secret)).toEqual([undefined, undefined, undefined])
    })
  )

  it("uses the endpoints of a GitHub Enterprise Server host", () => {
    expect(GitHub.app({ clientId: "x", host: "github.example.com" })).toMatchObject({
      tokenEndpoint: "https://github.example.com/login/oauth/access_token"
    })
  })
})
