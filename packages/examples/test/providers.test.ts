/** The options of each provider give a client of that provider. */
import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Providers from "../src/providers.js"

const secrets = Effect.map(
  Effect.promise(() =>
    globalThis.crypto.subtle.generateKey(
      { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
      false,
      ["sign", "verify"]
    )
  ),
  ({ privateKey: key }) => ({ clientSecret: Redacted.make("canary"), key })
)

/** A server with metadata: each issuer's endpoints are at the issuer's origin. */
const provider = MockClient.make(({ url }) => {
  const { origin, pathname } = new URL(url)
  const [, issuer = ""] = /^(.*?)\/?\.well-known\//.exec(url) ?? /^(.*)\/\.well-known\//.exec(url) ?? []
  const path = /\.well-known\/[^/]+(\/.*)$/.exec(pathname)?.[1] ?? ""
  const slash = origin.endsWith("auth0.com") ? "/" : ""
  const metadata = {
    issuer: (path === "" ? issuer : origin + path).replace("/organizations/", "/{tenantid}/") + slash,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    jwks_uri: `${origin}/jwks`
  }
  return url.includes("/.well-known/")
    ? MockClient.respond(200, metadata)
    : MockClient.respond(200, { access_token: "canary", token_type: "bearer" })
})

const withProvider = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(provider, ({ client }) => Effect.provideService(effect, HttpClient.HttpClient, client))

type SignIn = (secrets: Providers.Secrets) => Effect.Effect<AuthorizationCode.Service, unknown, HttpClient.HttpClient>

describe("providers.ts", () => {
  it.effect.each<readonly [string, SignIn]>([
    ["https://github.com", Providers.signInWithGitHub],
    ["https://accounts.google.com", Providers.signInWithGoogle],
    ["https://login.microsoftonline.com", Providers.signInOfAnyTenant],
    ["https://slack.com", Providers.installInSlack],
    ["https://slack.com", Providers.slackDesktop],
    ["https://id.example.com", Providers.signInAnywhere]
  ])("redirects the user to %s", ([origin, make]) =>
    Effect.gen(function* () {
      const { start } = yield* make(yield* secrets)
      const { url } = yield* start()
      expect(new URL(url).origin).toBe(origin)
    }).pipe(withProvider)
  )

  it.effect.each([
    ["a Google service account", Providers.googleServiceAccount],
    ["Entra", Providers.entraService],
    ["Entra, by a certificate", Providers.entraServiceWithCertificate],
    ["Okta", Providers.oktaService],
    ["Auth0", Providers.auth0Service],
    ["Salesforce", Providers.salesforceService],
    ["Spotify", Providers.spotifyService]
  ] as const)("gets a token as %s", ([_, layer]) =>
    Effect.gen(function* () {
      const { get } = yield* Effect.provide(TokenSource.TokenSource, layer(yield* secrets))
      expect((yield* get).token.tokenType).toBe("Bearer")
    }).pipe(Effect.provide(TokenStore.layerMemory), Effect.scoped, withProvider)
  )
})
