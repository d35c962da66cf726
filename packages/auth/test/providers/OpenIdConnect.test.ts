import * as OpenIdConnect from "@countersign/auth/providers/OpenIdConnect"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { clientSecret, publishing, refreshing } from "../support/imitated.js"

describe("any provider of OpenID Connect", () => {
  it("is asked who somebody is, and to keep them signed in, beside what else is wanted", () => {
    const { scopes } = OpenIdConnect.client({ issuer: "https://id.test", clientId: "c", scopes: ["email", "openid"] })
    expect(scopes).toEqual(["openid", "offline_access", "email"])
  })

  it.effect("publishes what is needed", () =>
    Effect.gen(function* () {
      const { within } = yield* publishing("https://id.test/realms/x", "https://id.test/realms/x/")
      const client = OpenIdConnect.client({ issuer: "https://id.test/realms/x", clientId: "c", clientSecret })
      const token = yield* within(refreshing(client))
      expect(token.tokenType).toBe("Bearer")
    })
  )
})
