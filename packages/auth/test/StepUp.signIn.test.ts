/** Step-up with a complete server: a call fails with a challenge, and a sign-in with its parameters satisfies it. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as StepUp from "@countersign/auth/StepUp"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import type { Forbidden, Unauthorized } from "@countersign/client/Errors"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"

class Api extends ApiClient.Tag("test/Api")<Api, TokenSourceError>() {}

const redirectUri = "https://app.test/callback"

const client = {
  issuer: "https://oauth.test",
  clientId: "web",
  clientSecret: Redacted.make("secret"),
  scopes: ["read"],
  propagationDelay: 0
}

const ApiLive = Api.layer({
  baseUrl: client.issuer,
  timeout: { call: false, exchange: false },
  auth: RefreshToken.layer(client)
})

/** Signs in with the parameters of the step-up challenge, and stores the token. */
const signIn = (demand?: StepUp.StepUpChallenge) =>
  Effect.gen(function* () {
    const { start, complete } = yield* AuthorizationCode.make({ ...client, redirectUri })
    const transaction = yield* start({}, demand)
    const { headers } = yield* HttpClient.get(transaction.url)
    const signedIn = yield* complete(transaction, headers["location"] ?? "")
    yield* AuthorizationCode.storeToken(client, signedIn)
  })

const call = (query: string) => Effect.flatMap(Api, (api) => api.get(`/resource?${query}`))

type Refused = Unauthorized | Forbidden

const demandOf = ({ challenges }: Refused) => StepUp.fromChallenges(challenges)

const world = Layer.provideMerge(
  ApiLive,
  Layer.merge(
    OAuthServer.layerMemory({ clients: { web: { secret: "secret", redirectUris: [redirectUri] } } }),
    TokenStore.layerMemory
  )
)

describe("a call that requires another sign-in", () => {
  it.effect.each<readonly [string, string, Partial<StepUp.StepUpChallenge>]>([
    ["a stronger sign-in", "acr=gold", { acrValues: ["gold"] }],
    ["a more recent sign-in", "max_age=60", { maxAge: 60 }],
    ["another scope", "scope=write", { scopes: ["write"] }]
  ])("fails with a step-up challenge, and succeeds after a sign-in with %s", ([_, query, expected]) =>
    Effect.gen(function* () {
      const { refreshCalls } = yield* OAuthServer.OAuthServer
      yield* signIn()
      yield* TestClock.adjust("2 minutes")
      const error = yield* Effect.flip(call(query))
      expect(error._tag === "Unauthorized" || error._tag === "Forbidden").toBe(true)
      const demand = demandOf(error as Refused)
      expect(demand).toMatchObject(expected)
      yield* signIn(demand)
      expect((yield* call(query)).status).toBe(200)
      expect((yield* call("scope=read")).status).toBe(200)
      expect(yield* refreshCalls).toBe(0)
    }).pipe(Effect.provide(world))
  )
})

describe("a call that requires claims", () => {
  it.effect("succeeds with a token that was refreshed with the claims", () =>
    Effect.gen(function* () {
      const { refreshCalls } = yield* OAuthServer.OAuthServer
      yield* signIn()
      const claims = Encoding.encodeBase64Url('{"access_token":{"acrs":{"essential":true,"value":"c1"}}}')
      expect((yield* call(`claims=${claims}`)).status).toBe(200)
      expect((yield* call(`claims=${claims}`)).status).toBe(200)
      expect(yield* refreshCalls).toBe(1)
    }).pipe(Effect.provide(world))
  )
})
