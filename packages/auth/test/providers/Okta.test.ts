import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as Okta from "@countersign/auth/providers/Okta"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { calling, clientSecret, publishing } from "../support/fakeProvider.js"

describe("Okta", () => {
  it.effect.each<readonly [string, false | string | undefined, string]>([
    ["the server named default", undefined, "https://example.okta.com/oauth2/default"],
    ["a custom authorization server", "aus1", "https://example.okta.com/oauth2/aus1"],
    ["the server of the organization", false, "https://example.okta.com"]
  ])("requests a token from %s", ([_, authorizationServer, issuer]) =>
    Effect.gen(function* () {
      const { posts, within } = yield* publishing(issuer, `${issuer}/v1/`)
      const client = Okta.client({ domain: "example.okta.com", authorizationServer, clientId: "c", clientSecret })
      yield* within(calling(ClientCredentials.layer({ ...client, scopes: ["read"] })))
      expect((yield* posts).map(({ url }) => url)).toEqual([`${issuer}/v1/token`])
    })
  )
})
