import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as GitHub from "@countersign/auth/providers/GitHub"
import * as Google from "@countersign/auth/providers/Google"
import * as Salesforce from "@countersign/auth/providers/Salesforce"
import * as Slack from "@countersign/auth/providers/Slack"
import { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fc from "effect/FastCheck"
import { clientSecret, granted, withFakeProvider, keys, refreshing, signIn, signInAs } from "./support/fakeProvider.js"
import { allRenderings } from "./support/allRenderings.js"

const endpoints = {
  tokenEndpoint: "https://auth.test/token",
  authorizationEndpoint: "https://auth.test/authorize"
}

const client = { issuer: "https://auth.test", clientId: "c", clientSecret, ...endpoints }

const answering = (answer: unknown, status = 200) => withFakeProvider(() => MockClient.respond(status, answer))

describe("OAuth2 without complianceFixes", () => {
  it.effect.each<readonly [string, unknown]>([
    ["an unknown token_type", { ...granted, token_type: "bot" }],
    ["an error code of the provider", { ok: false, error: "ratelimited" }]
  ])("fails for %s", ([_, answer]) =>
    Effect.gen(function* () {
      const { within } = yield* answering(answer)
      const error = yield* Effect.flip(within(refreshing(client)))
      expect(["InvalidResponse", "Rejected"]).toContain(error.reason)
    })
  )

  it.effect("leaves the scope unchanged, and keeps no extra fields", () =>
    Effect.gen(function* () {
      const { within } = yield* answering({ ...granted, scope: "a,b", instance_url: "https://x.test" })
      const token = yield* within(refreshing(client))
      expect([token.scope, token.extra]).toEqual(["a,b", undefined])
    })
  )

  it.effect("sends PKCE", () =>
    Effect.gen(function* () {
      const { within } = yield* answering(granted)
      const { query } = yield* within(signIn(client))
      expect(query).toMatchObject({ code_challenge_method: "S256" })
    })
  )
})

describe("OAuth2 complianceFixes", () => {
  it.effect.each([400, 403, 500, 503])(
    "passes a %d error to transformResponse, which cannot turn it into a token",
    (status) =>
      Effect.gen(function* () {
        const { within } = yield* answering({ error: "invalid_grant" }, status)
        const seen: Array<unknown> = []
        const complianceFixes: OAuth2.ComplianceFixes = { transformResponse: (...all) => (seen.push(all), granted) }
        expect(yield* Effect.flip(within(refreshing({ ...client, complianceFixes })))).toMatchObject({
          error: "invalid_grant"
        })
        expect(seen).toEqual([[{ error: "invalid_grant" }, status]])
      })
  )

  it.effect.each([400, 401, 403, 404, 500])("takes the error code of a %d from transformResponse", (status) =>
    Effect.gen(function* () {
      const { within } = yield* answering({ status: "GONE", data: { why: 7 } }, status)
      const complianceFixes: OAuth2.ComplianceFixes = {
        transformResponse: (body) =>
          body["status"] === "GONE" ? { error: "invalid_grant", error_description: "it is gone" } : body
      }
      const error = yield* Effect.flip(within(refreshing({ ...client, complianceFixes })))
      expect(error).toMatchObject({ reason: "ReauthorizationRequired", error: "invalid_grant" })
      expect(error.detail).toContain("it is gone")
    })
  )

  it.effect("keeps the OAuth error if transformResponse throws for it", () =>
    Effect.gen(function* () {
      const { within } = yield* answering({ error: "invalid_grant" }, 400)
      const answer = () => {
        throw new Error("canary")
      }
      const error = yield* Effect.flip(
        within(refreshing({ ...client, complianceFixes: { transformResponse: answer } }))
      )
      expect(error).toMatchObject({ reason: "ReauthorizationRequired", error: "invalid_grant" })
    })
  )

  it.effect("transforms token responses, and neither metadata nor keys", () =>
    Effect.gen(function* () {
      const issuer = "https://id.test"
      const metadata = {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`
      }
      const asked: Array<ReadonlyArray<string>> = []
      const complianceFixes: OAuth2.ComplianceFixes = {
        transformResponse: (body) => (asked.push(Object.keys(body)), body)
      }
      const provider = (answer: () => MockClient.Step) =>
        withFakeProvider((url) => {
          if (url.includes("/.well-known/")) return MockClient.respond(200, metadata)
          return url.endsWith("/keys") ? keys : answer()
        })
      const options = { issuer, clientId: "c", clientSecret, complianceFixes, scopes: ["openid"] }
      expect((yield* signInAs(provider, options, { iss: issuer })).claims?.sub).toBe("ada")
      expect(asked).toEqual([[...Object.keys(granted), "id_token"]])
    })
  )

  it.effect("fails with InvalidResponse if transformResponse throws for a token", () =>
    Effect.gen(function* () {
      const { within } = yield* answering(granted)
      const answer = () => {
        throw new Error("canary")
      }
      const error = yield* Effect.flip(
        within(refreshing({ ...client, complianceFixes: { transformResponse: answer } }))
      )
      expect(error.reason).toBe("InvalidResponse")
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("keeps extraFields that are strings of at most 2048 characters, and no others", () =>
    Effect.gen(function* () {
      const { within } = yield* answering({ ...granted, a: "x".repeat(2048), b: "x".repeat(2049), c: { d: 1 } })
      const { extra } = yield* within(refreshing({ ...client, complianceFixes: { extraFields: ["a", "b", "c", "d"] } }))
      expect(Object.keys(extra ?? {})).toEqual(["a"])
    })
  )

  it.effect("rejects a metadataIssuer that is not a URL", () =>
    Effect.gen(function* () {
      const { within } = yield* answering({ issuer: client.issuer, token_endpoint: client.tokenEndpoint })
      const { issuer, clientId } = client
      const error = yield* Effect.flip(
        within(refreshing({ issuer, clientId, clientSecret, complianceFixes: { metadataIssuer: "{tenant}" } }))
      )
      expect(error).toBeInstanceOf(TokenError)
      expect(error.message).toContain('`complianceFixes.metadataIssuer` is not a URL: "{tenant}"')
    })
  )
})

const hostile = Fc.dictionary(
  Fc.oneof(
    Fc.constantFrom(
      ...["access_token", "authed_user", "error", "expires_in", "id_token", "instance_url", "ok"],
      ...["refresh_token", "scope", "token_type", "verification_url", "__proto__"]
    ),
    Fc.string()
  ),
  Fc.oneof(Fc.jsonValue(), Fc.constantFrom("bearer", "bot", "user"), Fc.record({ access_token: Fc.jsonValue() }))
)

describe("OAuth2 with a hostile provider", () => {
  it.effect.each<readonly [string, OAuth2.Client]>([
    ["GitHub", GitHub.app({ clientId: "c", clientSecret })],
    ["Google", { ...Google.client({ clientId: "c", clientSecret }), ...endpoints }],
    ["Salesforce", { ...Salesforce.client({ clientId: "c", clientSecret }), ...endpoints }],
    ["Slack's bot", Slack.bot({ clientId: "c", clientSecret })],
    ["Slack's user", Slack.user({ clientId: "c", clientSecret, userScopes: [] })]
  ])("returns a Bearer token or a TokenError for any response: %s", ([_, options]) =>
    Effect.promise(() =>
      Fc.assert(
        Fc.asyncProperty(hostile, async (answer) => {
          const one = Effect.flatMap(answering(answer), ({ within }) => Effect.either(within(refreshing(options))))
          const ended = await Effect.runPromise(one)
          expect(Either.isRight(ended) ? ended.right.tokenType === "Bearer" : ended.left instanceof TokenError).toBe(
            true
          )
          expect(allRenderings(ended)).not.toContain("canary")
        }),
        { numRuns: 100 }
      )
    )
  )
})
