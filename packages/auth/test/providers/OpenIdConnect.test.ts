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

  it.effect.each<readonly [string, string, string, object]>([
    ["at its root, which is the same", "https://id.test", "https://id.test/", { tokenType: "Bearer" }],
    ["after a path, which is another", "https://id.test/o", "https://id.test/o/", { reason: "InvalidResponse" }]
  ])("may spell its issuer with a slash more %s", ([_, issuer, published, expected]) =>
    Effect.gen(function* () {
      const { within } = yield* publishing(published, "https://id.test/")
      const client = OpenIdConnect.client({ issuer, clientId: "c", clientSecret })
      expect(yield* Effect.merge(within(refreshing(client)))).toMatchObject(expected)
    })
  )
})
