import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as GitHub from "@countersign/auth/providers/GitHub"
import * as Google from "@countersign/auth/providers/Google"
import * as Salesforce from "@countersign/auth/providers/Salesforce"
import * as Slack from "@countersign/auth/providers/Slack"
import { TokenError } from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fc from "effect/FastCheck"
import { clientSecret, granted, imitating, keys, refreshing, signIn, signInAs } from "./support/imitated.js"
import { printed } from "./support/printed.js"

const endpoints = {
  tokenEndpoint: "https://auth.test/token",
  authorizationEndpoint: "https://auth.test/authorize"
}

const client = { issuer: "https://auth.test", clientId: "c", clientSecret, ...endpoints }

const answering = (answer: unknown, status = 200) => imitating(() => MockClient.respond(status, answer))

describe("a server without quirks", () => {
  it.effect.each<readonly [string, unknown]>([
    ["a token of another name", { ...granted, token_type: "bot" }],
    ["a refusal with a name of its own", { ok: false, error: "ratelimited" }]
  ])("is taken at its word for %s", ([_, answer]) =>
    Effect.gen(function* () {
      const { within } = yield* answering(answer)
      const error = yield* Effect.flip(within(refreshing(client)))
      expect(["InvalidResponse", "Rejected"]).toContain(error.reason)
    })
  )

  it.effect("has its scopes and its errors left as they are, and nothing kept", () =>
    Effect.gen(function* () {
      const { within } = yield* answering({ ...granted, scope: "a,b", instance_url: "https://x.test" })
      const token = yield* within(refreshing(client))
      expect([token.scope, token.extra]).toEqual(["a,b", undefined])
    })
  )

  it.effect("is sent PKCE", () =>
    Effect.gen(function* () {
      const { within } = yield* answering(granted)
      const { query } = yield* within(signIn(client))
      expect(query).toMatchObject({ code_challenge_method: "S256" })
    })
  )
})

describe("a quirk", () => {
  it.effect.each([400, 403, 500, 503])("sees the error of a %d, and cannot make a token of it", (status) =>
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

  it.effect.each([400, 401, 403, 404, 500])("gives the error of a %d its code", (status) =>
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

  it.effect("that throws at an error leaves the error as it is", () =>
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

  it.effect("makes answers, and neither metadata nor keys", () =>
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
        imitating((url) => {
          if (url.includes("/.well-known/")) return MockClient.respond(200, metadata)
          return url.endsWith("/keys") ? keys : answer()
        })
      const options = { issuer, clientId: "c", clientSecret, complianceFixes, scopes: ["openid"] }
      expect((yield* signInAs(provider, options, { iss: issuer })).claims?.sub).toBe("ada")
      expect(asked).toEqual([[...Object.keys(granted), "id_token"]])
    })
  )

  it.effect("that throws is an answer that nobody understands", () =>
    Effect.gen(function* () {
      const { within } = yield* answering(granted)
      const answer = () => {
        throw new Error("canary")
      }
      const error = yield* Effect.flip(
        within(refreshing({ ...client, complianceFixes: { transformResponse: answer } }))
      )
      expect(error.reason).toBe("InvalidResponse")
      expect(printed(error)).not.toContain("canary")
    })
  )

  it.effect("keeps texts of a length that names have, and no others", () =>
    Effect.gen(function* () {
      const { within } = yield* answering({ ...granted, a: "x".repeat(2048), b: "x".repeat(2049), c: { d: 1 } })
      const { extra } = yield* within(refreshing({ ...client, complianceFixes: { extraFields: ["a", "b", "c", "d"] } }))
      expect(Object.keys(extra ?? {})).toEqual(["a"])
    })
  )

  it.effect("that names an issuer which is no URL has the metadata refused", () =>
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

describe("whatever a provider answers", () => {
  it.effect.each<readonly [string, OAuth2.Client]>([
    ["GitHub", GitHub.app({ clientId: "c", clientSecret })],
    ["Google", { ...Google.client({ clientId: "c", clientSecret }), ...endpoints }],
    ["Salesforce", { ...Salesforce.client({ clientId: "c", clientSecret }), ...endpoints }],
    ["Slack's bot", Slack.bot({ clientId: "c", clientSecret })],
    ["Slack's user", Slack.user({ clientId: "c", clientSecret, userScopes: [] })]
  ])("%s gives a token that can be sent, or an error", ([_, options]) =>
    Effect.promise(() =>
      Fc.assert(
        Fc.asyncProperty(hostile, async (answer) => {
          const one = Effect.flatMap(answering(answer), ({ within }) => Effect.either(within(refreshing(options))))
          const ended = await Effect.runPromise(one)
          expect(Either.isRight(ended) ? ended.right.tokenType === "Bearer" : ended.left instanceof TokenError).toBe(
            true
          )
          expect(printed(ended)).not.toContain("canary")
        }),
        { numRuns: 100 }
      )
    )
  )
})
