import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as Salesforce from "@countersign/auth/providers/Salesforce"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as jose from "jose"
import { calling, clientSecret, withFakeProvider, refreshing, signIn } from "../support/fakeProvider.js"

const issuer = "https://example.my.salesforce.com"
const app = Salesforce.client({ host: "example.my.salesforce.com", clientId: "3MVG9", clientSecret })

const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/services/oauth2/authorize`,
  token_endpoint: `${issuer}/services/oauth2/token`
}

const granted = {
  access_token: "00D-canary",
  refresh_token: "5Aep-canary",
  token_type: "Bearer",
  instance_url: "https://example.my.salesforce.com",
  id: "https://login.salesforce.com/id/00D/005",
  issued_at: "1700000000000",
  signature: "canary-signature"
}

/** Salesforce returns instance_url with a sign-in. A refresh may omit it. */
const salesforce = withFakeProvider((url, n) => {
  if (url.includes("/.well-known/")) return MockClient.respond(200, metadata)
  if (url.endsWith("/token")) {
    const { instance_url, ...rest } = granted
    return MockClient.respond(200, n === 1 ? { instance_url, ...rest } : rest)
  }
  return MockClient.respond(200, {})
})

describe("Salesforce", () => {
  it.effect("returns instance_url with a token without expiry", () =>
    Effect.gen(function* () {
      const { within } = yield* salesforce
      const { end } = yield* within(signIn({ ...app, scopes: ["api", "refresh_token"] }))
      const { token } = yield* end
      expect(Option.getOrThrow(Salesforce.instanceUrl(token))).toBe("https://example.my.salesforce.com")
      expect(token.extra).toEqual({ instance_url: "https://example.my.salesforce.com" })
      expect(token.expiresAt).toBeUndefined()
    })
  )

  it.effect("keeps instance_url after a refresh that omits it, also in the store", () =>
    Effect.gen(function* () {
      const { within } = yield* salesforce
      yield* Effect.gen(function* () {
        const { end } = yield* signIn(app)
        yield* AuthorizationCode.storeToken(app, yield* end)
        const built = yield* Layer.build(RefreshToken.layer({ ...app, propagationDelay: 0 }))
        const source = Context.get(built, TokenSource.TokenSource)
        const { generation } = yield* source.get
        yield* source.onRejected(generation)
        const { token } = yield* source.get
        expect(Option.getOrThrow(Salesforce.instanceUrl(token))).toBe("https://example.my.salesforce.com")
        const store = yield* TokenStore.TokenStore
        const stored = Option.getOrThrow(yield* store.get(RefreshToken.keyOf(app)))
        expect(stored.token.extra).toEqual(token.extra)
      }).pipe(within, Effect.provide(TokenStore.layerMemory))
    }).pipe(Effect.scoped)
  )

  it.effect("returns no instanceUrl if instance_url is not a string", () =>
    Effect.gen(function* () {
      const { within } = yield* withFakeProvider((url) =>
        MockClient.respond(200, url.includes("/.well-known/") ? metadata : { ...granted, instance_url: 7 })
      )
      const { end } = yield* within(signIn(app))
      expect(Option.isNone(Salesforce.instanceUrl((yield* end).token))).toBe(true)
    })
  )

  it.effect.each<readonly [string, string | undefined, string]>([
    ["the host", undefined, "https://test.salesforce.com"],
    ["the configured audience", "https://login.salesforce.com", "https://login.salesforce.com"]
  ])("signs a JWT bearer assertion for a user with the audience of %s", ([_, audience, expected]) =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = yield* Effect.promise(() => jose.generateKeyPair("RS256"))
      const sandbox = { ...metadata, issuer: "https://test.salesforce.com" }
      const { forms, within } = yield* withFakeProvider((url) => {
        if (url.includes("/.well-known/")) return MockClient.respond(200, sandbox)
        return MockClient.respond(200, url.endsWith("/token") ? { ...granted, refresh_token: undefined } : {})
      })
      const acting = Salesforce.jwtBearer({
        clientId: "3MVG9",
        host: "test.salesforce.com",
        username: "ada@example.com",
        audience,
        key: { key: privateKey }
      })
      yield* within(calling(JwtBearer.layer(acting)))
      const [form] = yield* forms
      const { payload } = yield* Effect.promise(() =>
        jose.jwtVerify(form?.["assertion"] ?? "", publicKey, { currentDate: new Date(0) })
      )
      expect(payload).toMatchObject({ iss: "3MVG9", sub: "ada@example.com", aud: expected })
    })
  )

  it.effect.each<readonly [string, object]>([
    ["invalid_client_id", { reason: "Rejected", error: "invalid_client" }],
    ["app_not_found", { reason: "Rejected", error: "invalid_client" }],
    ["inactive_user", { reason: "Rejected", error: "inactive_user" }],
    ["invalid_grant", { reason: "ReauthorizationRequired", error: "invalid_grant" }],
    ["rate_limit_exceeded", { reason: "Unavailable" }]
  ])("maps the Salesforce error %s", ([error, expected]) =>
    Effect.gen(function* () {
      const { within } = yield* withFakeProvider((url) =>
        url.includes("/.well-known/")
          ? MockClient.respond(200, metadata)
          : MockClient.respond(400, { error, error_description: "expired access/refresh token" })
      )
      expect(yield* Effect.flip(within(refreshing(app)))).toMatchObject(expected)
    })
  )
})
