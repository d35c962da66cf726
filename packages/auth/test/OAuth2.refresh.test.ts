import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { conversation, granted } from "./support/oauth.js"

const { respond } = MockClient

const refreshToken = Redacted.make("canary-refresh-1")

const resource = "https://api.test/"

/** The forms of the refreshes that a server was sent. */
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

describe("a refresh", () => {
  it.effect.each<readonly [string, ReadonlyArray<string>, string | undefined, string]>([
    ["is unknown", scopes, undefined, "openid read"],
    ["is the same", scopes, "read openid", "openid read"],
    ["lacks scopes that only OpenID has", [...scopes, "offline_access"], "read", "openid read offline_access"],
    ["has more, since the user has granted more", scopes, "read write", "openid read write"],
    ["has less", scopes, "openid", "openid read"],
    ["is spelled otherwise", ["api/.default"], "api/read api/write", "api/.default"],
    ["is empty", scopes, "", "openid read"]
  ])("whose previous scope %s sends the right scope", ([_, configured, before, expected]) =>
    Effect.gen(function* () {
      const { scopes: sent } = yield* refreshes([granted()], { scopes: configured }, ({ refresh }) =>
        refresh(refreshToken, undefined, before)
      )
      expect(sent).toEqual([expected])
    })
  )

  it.effect.each(["invalid_scope", "invalid_request"])(
    "whose scope is rejected with %s is sent once more without, and later ones have none",
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
      "ReauthorizationRequired if the token is void",
      rejected("invalid_request"),
      rejected("invalid_grant"),
      { reason: "ReauthorizationRequired" }
    ],
    ["Unavailable if the second request fails", rejected("invalid_scope"), respond(503, ""), { reason: "Unavailable" }]
  ])("that is sent twice fails with %s", ([_, first, second, expected]) =>
    Effect.gen(function* () {
      const { exit } = yield* refreshes([first, second], { scopes }, ({ refresh }) => refresh(refreshToken))
      expect(exit).toMatchObject({ _tag: "Left", left: expected })
    })
  )

  it.effect.each(["invalid_grant", "invalid_client", "invalid_target", "unauthorized_client", "server_error"])(
    "is sent once if it is rejected with %s",
    (error) =>
      Effect.gen(function* () {
        const { scopes: sent } = yield* refreshes([rejected(error)], { scopes, resource }, ({ refresh }) =>
          refresh(refreshToken)
        )
        expect(sent).toEqual(["openid read"])
      })
  )

  it.effect("is never sent without its resource", () =>
    Effect.gen(function* () {
      const script = [rejected("invalid_scope"), rejected("invalid_target")]
      const { forms } = yield* refreshes(script, { scopes, resource }, ({ refresh }) => refresh(refreshToken))
      expect(forms.map((form) => form["resource"])).toEqual([resource, resource])
    })
  )

  it.effect("sends a scope of its caller as it is, and is not sent again without it", () =>
    Effect.gen(function* () {
      const { scopes: sent } = yield* refreshes([rejected("invalid_scope")], { scopes }, ({ refresh }) =>
        refresh(refreshToken, { scope: "read" })
      )
      expect(sent).toEqual(["read"])
    })
  )

  it.effect("sends no scope where the quirk says so, and the one of tokenParameters", () =>
    Effect.gen(function* () {
      const run = ({ refresh }: OAuth2.Service) => refresh(refreshToken)
      const without = yield* refreshes([granted()], { scopes, complianceFixes: { refreshScope: false } }, run)
      const tokenParameters = { refresh_token: { scope: "read", resource: "urn:b" } }
      const own = yield* refreshes([granted()], { scopes, resource, tokenParameters }, run)
      expect([without.scopes, own.scopes, own.forms[0]?.["resource"]]).toEqual([[undefined], ["read"], "urn:b"])
    })
  )

  it.effect("uses the separator of the provider", () =>
    Effect.gen(function* () {
      const options = { scopes, complianceFixes: { scopeSeparator: "," as const } }
      const { scopes: sent } = yield* refreshes([granted()], options, ({ refresh }) => refresh(refreshToken))
      expect(sent).toEqual(["openid,read"])
    })
  )
})
