import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as Auth0 from "@countersign/auth/providers/Auth0"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  calling,
  callingStored,
  clientSecret,
  granted,
  withFakeProvider,
  publishing,
  refreshing,
  signIn
} from "../support/fakeProvider.js"

describe("Auth0", () => {
  const issuer = "https://example.eu.auth0.com/"
  const options = { domain: "example.eu.auth0.com", audience: "https://api.example.com", clientId: "c", clientSecret }

  it.effect("uses an issuer with a trailing slash, and sends the audience in the token request", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* publishing(issuer, `${issuer}oauth/`)
      yield* within(calling(ClientCredentials.layer(Auth0.client(options))))
      expect(yield* forms).toEqual([{ grant_type: "client_credentials", audience: "https://api.example.com" }])
    })
  )

  it.effect("sends the audience in the authorization request", () =>
    Effect.gen(function* () {
      const { within } = yield* publishing(issuer, issuer)
      const { end, query } = yield* within(signIn({ ...Auth0.client(options), scopes: ["offline_access"] }))
      expect(query).toMatchObject({ audience: "https://api.example.com", scope: "offline_access" })
      expect((yield* end).token.tokenType).toBe("Bearer")
    })
  )

  it.effect("sends a token request for each audience", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* publishing(issuer, `${issuer}oauth/`)
      for (const audience of ["https://a.test", "https://b.test"]) {
        yield* within(calling(ClientCredentials.layer(Auth0.client({ ...options, audience }))))
      }
      expect((yield* forms).map((form) => form["audience"])).toEqual(["https://a.test", "https://b.test"])
    })
  )

  it.effect("stores the user's tokens separately for each audience", () =>
    Effect.gen(function* () {
      const { mock, within } = yield* withFakeProvider((url, n) => {
        const metadata = {
          issuer,
          authorization_endpoint: `${issuer}authorize`,
          token_endpoint: `${issuer}oauth/token`
        }
        if (url.includes("/.well-known/")) return MockClient.respond(200, metadata)
        return MockClient.respond(200, url.endsWith("/token") ? { ...granted, access_token: `canary-${n}` } : {})
      })
      const of = (audience: string) => Auth0.client({ ...options, audience })
      yield* Effect.gen(function* () {
        for (const name of ["a", "b"]) {
          const { end } = yield* signIn(of(`https://${name}.test`))
          yield* AuthorizationCode.storeToken(of(`https://${name}.test`), yield* end)
        }
        for (const name of ["a", "b"]) yield* callingStored(RefreshToken.layer(of(`https://${name}.test`)))
      }).pipe(within, Effect.provide(TokenStore.layerMemory))
      const calls = (yield* mock.sent).filter(({ url }) => url.startsWith("https://api.test"))
      expect(calls.map(({ headers }) => headers["authorization"])).toEqual(["Bearer canary-1", "Bearer canary-2"])
    })
  )

  it.effect("maps a 403 with invalid_grant to ReauthorizationRequired", () =>
    Effect.gen(function* () {
      const { within } = yield* withFakeProvider((url) =>
        url.includes("/.well-known/")
          ? MockClient.respond(200, { issuer, token_endpoint: `${issuer}oauth/token` })
          : MockClient.respond(403, { error: "invalid_grant", error_description: "Unknown or invalid refresh token." })
      )
      const error = yield* Effect.flip(within(refreshing(Auth0.client(options))))
      expect(error).toMatchObject({ reason: "ReauthorizationRequired", error: "invalid_grant" })
    })
  )
})
