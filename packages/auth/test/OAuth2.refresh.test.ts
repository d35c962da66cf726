import * as Dpop from "@countersign/auth/Dpop"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { conversation, granted } from "./support/oauth.js"

const { respond } = MockClient

const refreshToken = Redacted.make("canary-refresh-1")

const resource = "https://api.test/"

/** The forms of the refresh requests that a server received. */
const refreshes = (
  script: MockClient.Script,
  options: Partial<OAuth2.Options>,
  run: (server: OAuth2.Service) => Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function* () {
    const { mock, server } = yield* conversation(script, options)
    const exit = yield* Effect.either(run(server))
    const forms = (yield* mock.sent).map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
    return { exit, scopes: forms.map(({ scope }) => scope), forms }
  })

const scopes = ["openid", "read"]
const rejected = (error: string) => respond(400, { error })

describe("OAuth2 refresh", () => {
  it.effect.each<readonly [string, ReadonlyArray<string>, string | undefined, string]>([
    ["is unknown", scopes, undefined, "openid read"],
    ["is the same", scopes, "read openid", "openid read"],
    ["lacks openid and offline_access", [...scopes, "offline_access"], "read", "openid read offline_access"],
    ["has more scopes, because the user granted more", scopes, "read write", "openid read write"],
    ["has fewer scopes", scopes, "openid", "openid read"],
    ["has other names", ["api/.default"], "api/read api/write", "api/.default"],
    ["is empty", scopes, "", "openid read"]
  ])("sends the right scope if the previous scope %s", ([_, configured, before, expected]) =>
    Effect.gen(function* () {
      const { scopes: sent } = yield* refreshes([granted()], { scopes: configured }, ({ refresh }) =>
        refresh(refreshToken, undefined, before)
      )
      expect(sent).toEqual([expected])
    })
  )

  it.effect.each(["invalid_scope", "invalid_request"])(
    "resends without scope after %s, and later refreshes send none",
    (error) =>
      Effect.gen(function* () {
        const script = [rejected(error), granted(), granted()]
        const { exit, scopes: sent } = yield* refreshes(script, { scopes, resource }, ({ refresh }) =>
          Effect.zipRight(refresh(refreshToken), refresh(refreshToken))
        )
        expect(exit).toMatchObject({ _tag: "Right" })
        expect(sent).toEqual(["openid read", undefined, undefined])
      })
  )

  it.effect.each<readonly [string, MockClient.Step, MockClient.Step, object]>([
    [
      "the first error if both are rejected",
      rejected("invalid_scope"),
      rejected("invalid_request"),
      { error: "invalid_scope" }
    ],
    [
      "ReauthorizationRequired if the refresh token is invalid",
      rejected("invalid_request"),
      rejected("invalid_grant"),
      { reason: "ReauthorizationRequired" }
    ],
    ["Unavailable if the second request fails", rejected("invalid_scope"), respond(503, ""), { reason: "Unavailable" }]
  ])("fails after a second request with %s", ([_, first, second, expected]) =>
    Effect.gen(function* () {
      const { exit } = yield* refreshes([first, second], { scopes }, ({ refresh }) => refresh(refreshToken))
      expect(exit).toMatchObject({ _tag: "Left", left: expected })
    })
  )

  it.effect.each(["invalid_grant", "invalid_client", "invalid_target", "unauthorized_client", "server_error"])(
    "sends one request if it is rejected with %s",
    (error) =>
      Effect.gen(function* () {
        const { scopes: sent } = yield* refreshes([rejected(error)], { scopes, resource }, ({ refresh }) =>
          refresh(refreshToken)
        )
        expect(sent).toEqual(["openid read"])
      })
  )

  it.effect("sends the resource with both requests", () =>
    Effect.gen(function* () {
      const script = [rejected("invalid_scope"), rejected("invalid_target")]
      const { forms } = yield* refreshes(script, { scopes, resource }, ({ refresh }) => refresh(refreshToken))
      expect(forms.map((form) => form["resource"])).toEqual([resource, resource])
    })
  )

  it.effect("sends the caller's scope unchanged, and does not resend without it", () =>
    Effect.gen(function* () {
      const { scopes: sent } = yield* refreshes([rejected("invalid_scope")], { scopes }, ({ refresh }) =>
        refresh(refreshToken, { scope: "read" })
      )
      expect(sent).toEqual(["read"])
    })
  )

  it.effect("sends no scope with `complianceFixes.refreshScope: false`, and the scope of tokenParameters", () =>
    Effect.gen(function* () {
      const run = ({ refresh }: OAuth2.Service) => refresh(refreshToken)
      const without = yield* refreshes([granted()], { scopes, complianceFixes: { refreshScope: false } }, run)
      const tokenParameters = { refresh_token: { scope: "read", resource: "urn:b" } }
      const own = yield* refreshes([granted()], { scopes, resource, tokenParameters }, run)
      expect([without.scopes, own.scopes, own.forms[0]?.["resource"]]).toEqual([[undefined], ["read"], "urn:b"])
    })
  )

  it.effect("separates scopes by `complianceFixes.scopeSeparator`", () =>
    Effect.gen(function* () {
      const options = { scopes, complianceFixes: { scopeSeparator: "," as const } }
      const { scopes: sent } = yield* refreshes([granted()], options, ({ refresh }) => refresh(refreshToken))
      expect(sent).toEqual(["openid,read"])
    })
  )
})

describe("OAuth2 refresh under a lock that is lost", () => {
  /** A lock that is held for the given number of looks. */
  const heldFor = (looks: number) => {
    let left = looks
    return Effect.provideService(TokenStore.Lease, { isHeld: Effect.sync(() => left-- > 0) })
  }
  const nonce = respond(400, { error: "use_dpop_nonce" }, { "dpop-nonce": "n1" })

  it.effect.each<readonly [string, number, ReadonlyArray<MockClient.Step>, number]>([
    ["before its only request", 0, [], 0],
    ["before the second one, which has a nonce", 1, [nonce], 1],
    ["before the second one, which has no scope", 1, [rejected("invalid_scope")], 1],
    ["before the third one, which has no scope", 2, [nonce, rejected("invalid_scope")], 2]
  ])("sends no request %s", ([_, looks, script, sent]) =>
    Effect.gen(function* () {
      const options = { scopes, dpop: yield* Dpop.generateKey }
      const { exit, forms } = yield* refreshes([...script], options, ({ refresh }) =>
        heldFor(looks)(refresh(refreshToken))
      )
      expect(forms).toHaveLength(sent)
      expect(exit).toMatchObject({ _tag: "Left", left: { reason: "Unavailable", sent: "no" } })
      expect(String(exit)).toContain("the lock of the record was lost before the token request was sent")
    })
  )
})
