import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as Auth0 from "@countersign/auth/providers/Auth0"
import * as Okta from "@countersign/auth/providers/Okta"
import * as OpenIdConnect from "@countersign/auth/providers/OpenIdConnect"
import * as Spotify from "@countersign/auth/providers/Spotify"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { calling, clientSecret, imitating, refreshing, signIn } from "../support/imitated.js"

const granted = { access_token: "canary-access", token_type: "Bearer", expires_in: 3600 }

/** A provider that publishes metadata at these places, and answers with a token. */
const publishing = (issuer: string, at: string) =>
  imitating((url) => {
    const metadata = { issuer, authorization_endpoint: `${at}authorize`, token_endpoint: `${at}token` }
    if (url.includes("/.well-known/")) return MockClient.respond(200, metadata)
    return MockClient.respond(200, url.endsWith("token") ? granted : {})
  })

describe("Auth0", () => {
  const issuer = "https://example.eu.auth0.com/"
  const options = { domain: "example.eu.auth0.com", audience: "https://api.example.com", clientId: "c", clientSecret }

  it.effect("has an issuer with a slash at its end, and names the API by its audience", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* publishing(issuer, `${issuer}oauth/`)
      yield* within(calling(ClientCredentials.layer(Auth0.client(options))))
      expect(yield* forms).toEqual([{ grant_type: "client_credentials", audience: "https://api.example.com" }])
    })
  )

  it.effect("names it when somebody signs in, too", () =>
    Effect.gen(function* () {
      const { within } = yield* publishing(issuer, issuer)
      const { end, query } = yield* within(signIn({ ...Auth0.client(options), scopes: ["offline_access"] }))
      expect(query).toMatchObject({ audience: "https://api.example.com", scope: "offline_access" })
      expect((yield* end).token.tokenType).toBe("Bearer")
    })
  )

  it.effect("keeps tokens of two audiences apart", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* publishing(issuer, `${issuer}oauth/`)
      for (const audience of ["https://a.test", "https://b.test"]) {
        yield* within(calling(ClientCredentials.layer(Auth0.client({ ...options, audience }))))
      }
      expect((yield* forms).map((form) => form["audience"])).toEqual(["https://a.test", "https://b.test"])
    })
  )
})

describe("Okta", () => {
  it.effect.each<readonly [string, false | string | undefined, string]>([
    ["the server called default", undefined, "https://example.okta.com/oauth2/default"],
    ["a server of one's own", "aus1", "https://example.okta.com/oauth2/aus1"],
    ["that of the organization", false, "https://example.okta.com"]
  ])("is asked at %s", ([_, authorizationServer, issuer]) =>
    Effect.gen(function* () {
      const { posts, within } = yield* publishing(issuer, `${issuer}/v1/`)
      const client = Okta.client({ domain: "example.okta.com", authorizationServer, clientId: "c", clientSecret })
      yield* within(calling(ClientCredentials.layer({ ...client, scopes: ["read"] })))
      expect((yield* posts).map(({ url }) => url)).toEqual([`${issuer}/v1/token`])
    })
  )
})

describe("Spotify", () => {
  it.effect("leaves the refresh token out where the old one stays good", () =>
    Effect.gen(function* () {
      const { posts, within } = yield* imitating(() => MockClient.respond(200, granted))
      const token = yield* within(refreshing(Spotify.app({ clientId: "c", clientSecret })))
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("canary-refresh-1")
      const [sent] = yield* posts
      expect(sent?.url).toBe("https://accounts.spotify.com/api/token")
      expect(sent?.headers["authorization"]).toBe(`Basic ${btoa("c:canary-secret")}`)
    })
  )

  it.effect("signs somebody in for a program that keeps no secret", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* imitating(() => MockClient.respond(200, granted))
      const { end, page } = yield* within(signIn(Spotify.app({ clientId: "c" })))
      expect(page.origin + page.pathname).toBe("https://accounts.spotify.com/authorize")
      yield* end
      expect(yield* forms).toMatchObject([{ client_id: "c" }])
    })
  )
})

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
