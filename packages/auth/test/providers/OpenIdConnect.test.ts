import * as OpenIdConnect from "@countersign/auth/providers/OpenIdConnect"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { clientSecret, publishing, refreshing } from "../support/fakeProvider.js"

describe("OpenIdConnect", () => {
  it("adds openid and offline_access to the configured scopes", () => {
    const { scopes } = OpenIdConnect.client({ issuer: "https://id.test", clientId: "c", scopes: ["email", "openid"] })
    expect(scopes).toEqual(["openid", "offline_access", "email"])
  })

  it.effect("refreshes with the endpoints of the provider's metadata", () =>
    Effect.gen(function* () {
      const { within } = yield* publishing("https://id.test/realms/x", "https://id.test/realms/x/")
      const client = OpenIdConnect.client({ issuer: "https://id.test/realms/x", clientId: "c", clientSecret })
      const token = yield* within(refreshing(client))
      expect(token.tokenType).toBe("Bearer")
    })
  )

  it.effect.each<readonly [string, string, string, object]>([
    ["accepted without a path", "https://id.test", "https://id.test/", { tokenType: "Bearer" }],
    ["rejected after a path", "https://id.test/o", "https://id.test/o/", { reason: "InvalidResponse" }]
  ])("compares an issuer with an additional trailing slash: %s", ([_, issuer, published, expected]) =>
    Effect.gen(function* () {
      const { within } = yield* publishing(published, "https://id.test/")
      const client = OpenIdConnect.client({ issuer, clientId: "c", clientSecret })
      expect(yield* Effect.merge(within(refreshing(client)))).toMatchObject(expected)
    })
  )
})
