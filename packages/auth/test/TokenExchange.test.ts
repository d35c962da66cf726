import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { client, granted } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

const { fail, respond } = MockClient
const { accessToken, idToken, jwt, refreshToken, saml2 } = TokenExchange.tokenTypes

const subject: TokenExchange.SubjectToken = { token: Redacted.make("canary-subject"), type: accessToken }
const actor: TokenExchange.SubjectToken = { token: Redacted.make("canary-actor"), type: jwt }

type Script = MockClient.Script

/** The service with scripted responses, and the requests it sent. */
const exchanging = (script: Script, options: Partial<TokenExchange.Options> = {}) =>
  Effect.gen(function* () {
    const { client: transport, mock } = yield* MockClient.make(script)
    const service = yield* Effect.provideService(
      TokenExchange.make({ ...client, ...options }),
      HttpClient.HttpClient,
      transport
    )
    const forms = Effect.map(mock.sent, (sent) => sent.map(({ body }) => [...new URLSearchParams(body)]))
    return { ...service, mock, forms }
  })

const exchanged = (more: object = {}): MockClient.Step => granted({ issued_token_type: accessToken, ...more })

const base = [
  ["subject_token", "canary-subject"],
  ["subject_token_type", accessToken]
]
const end = ["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"]

describe("TokenExchange.make", () => {
  it.effect("sends only the subject token and its type without further options", () =>
    Effect.gen(function* () {
      const { exchange, forms, mock } = yield* exchanging([exchanged()])
      yield* exchange(subject)
      expect(yield* forms).toEqual([[...base, end]])
      expect(yield* mock.sent).toMatchObject([
        {
          method: "POST",
          url: "https://auth.test/token",
          headers: { authorization: `Basic ${btoa("client:canary%2Dsecret")}` }
        }
      ])
    })
  )

  it.effect("sends all options as RFC 8693 parameters, which `parameters` cannot override", () =>
    Effect.gen(function* () {
      const { exchange, forms } = yield* exchanging([exchanged({ issued_token_type: jwt })], {
        actor,
        audience: "orders",
        resource: "https://api.test/orders",
        scopes: ["read", "write"],
        requestedTokenType: jwt,
        parameters: { realm: "eu", subject_token: "another", grant_type: "another" }
      })
      yield* exchange(subject)
      const form = (yield* forms)[0] ?? []
      expect(form).toHaveLength(10)
      expect(Object.fromEntries(form)).toEqual({
        ...Object.fromEntries([...base, end]),
        actor_token: "canary-actor",
        actor_token_type: jwt,
        audience: "orders",
        resource: "https://api.test/orders",
        scope: "read write",
        requested_token_type: jwt,
        realm: "eu"
      })
    })
  )

  it.effect("sends client_id and no authorization header for a public client", () =>
    Effect.gen(function* () {
      const { exchange, forms, mock } = yield* exchanging([exchanged()], {
        clientSecret: undefined,
        clientAuthentication: ClientAuthentication.none
      })
      yield* exchange(subject)
      expect(yield* forms).toEqual([[...base, end, ["client_id", "client"]]])
      expect((yield* mock.sent)[0]?.headers).not.toHaveProperty("authorization")
    })
  )

  it.effect("runs an actor effect before each exchange", () =>
    Effect.gen(function* () {
      const asked = yield* Ref.make(0)
      const turning = Effect.map(
        Ref.updateAndGet(asked, (n) => n + 1),
        (n) => ({
          token: Redacted.make(`canary-${n}`),
          type: accessToken
        })
      )
      const { exchange, forms } = yield* exchanging([exchanged(), exchanged()], { actor: turning })
      yield* exchange(subject)
      yield* exchange(subject)
      const actors = (yield* forms).map((form) => Object.fromEntries(form)["actor_token"])
      expect(actors).toEqual(["canary-1", "canary-2"])
    })
  )

  it.effect("returns the token with its type, expiry, scope and refresh token", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const { exchange } = yield* exchanging([exchanged({ refresh_token: "canary-r", scope: "read" })])
      const token = yield* exchange(subject)
      expect(token).toMatchObject({
        tokenType: "Bearer",
        issuedTokenType: accessToken,
        receivedAt: 1_000,
        expiresAt: 61_000,
        scope: "read"
      })
      expect(Redacted.value(token.accessToken)).toBe("canary-a")
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("canary-r")
    })
  )

  it.effect("accepts issued_token_type jwt if an access token was requested", () =>
    Effect.gen(function* () {
      for (const requestedTokenType of [undefined, accessToken]) {
        const { exchange } = yield* exchanging([exchanged({ issued_token_type: jwt })], { requestedTokenType })
        expect(yield* exchange(subject)).toMatchObject({ tokenType: "Bearer", issuedTokenType: jwt })
      }
    })
  )

  it.effect.each(["N_A", "n_a"])("accepts token_type %s if a SAML token was requested", (type) =>
    Effect.gen(function* () {
      const { exchange } = yield* exchanging([exchanged({ token_type: type, issued_token_type: saml2 })], {
        requestedTokenType: saml2,
        dpop: yield* Dpop.generateKey
      })
      expect(yield* exchange(subject)).toMatchObject({ tokenType: "N_A", issuedTokenType: saml2 })
    })
  )

  it.effect.each<readonly [string, object, string | undefined]>([
    ["is a refresh token that was not requested", { issued_token_type: refreshToken }, undefined],
    ["is an ID token instead of an access token", { issued_token_type: idToken }, accessToken],
    ["is an access token instead of a JWT", { issued_token_type: accessToken }, jwt],
    ["is an access token instead of SAML", { issued_token_type: accessToken }, saml2],
    ["has token_type N_A", { token_type: "N_A" }, undefined],
    ["has token_type N_A instead of an access token", { token_type: "N_A" }, accessToken],
    ["has token_type N_A and issued_token_type jwt", { token_type: "N_A", issued_token_type: jwt }, undefined],
    ["has the unsupported token_type mac", { token_type: "mac" }, undefined],
    ["is missing", { access_token: undefined }, undefined],
    ["is empty", { access_token: "" }, undefined],
    ["contains a NUL character", { access_token: "canary-\u0000" }, undefined],
    ["has token_type DPoP without a DPoP key", { token_type: "DPoP" }, undefined]
  ])("rejects a response if the token %s, and the error contains no token", ([_, more, requestedTokenType]) =>
    Effect.gen(function* () {
      const { exchange } = yield* exchanging([exchanged(more)], { requestedTokenType })
      const error = yield* Effect.flip(exchange(subject))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(allRenderings(error)).not.toContain("canary-")
    })
  )

  it.effect.each<readonly [string, object, string | undefined, string]>([
    ["has no issued_token_type", { issued_token_type: undefined }, undefined, accessToken],
    ["has issued_token_type null", { issued_token_type: null }, accessToken, accessToken],
    ["has an empty issued_token_type", { issued_token_type: "" }, jwt, jwt],
    ["has a list for issued_token_type", { issued_token_type: [accessToken] }, undefined, accessToken],
    ["has no token_type", { token_type: undefined }, undefined, accessToken],
    ["has no issued_token_type and token_type N_A", { issued_token_type: undefined, token_type: "N_A" }, saml2, saml2]
  ])("accepts a token if the response %s", ([_, more, requestedTokenType, issuedTokenType]) =>
    Effect.gen(function* () {
      const { exchange } = yield* exchanging([exchanged(more)], { requestedTokenType })
      const token = yield* exchange(subject)
      expect([token.issuedTokenType, Redacted.value(token.accessToken)]).toEqual([issuedTokenType, "canary-a"])
    })
  )

  it.effect.each<readonly [string, MockClient.Step]>([
    ["200 with an HTML body", respond(200, "<html>canary-subject</html>")],
    ["400 with an HTML body", respond(400, "<html>canary-subject</html>")],
    ["500 with server_error", respond(500, { error: "server_error", error_description: "canary-subject" })],
    ["429", respond(429, "canary-subject")],
    ["ECONNRESET", fail("ECONNRESET")]
  ])("fails with the reason Unavailable after %s", ([_, answer]) =>
    Effect.gen(function* () {
      const { exchange } = yield* exchanging([answer], { actor })
      const error = yield* Effect.flip(exchange(subject))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      expect(allRenderings(error)).not.toContain("canary-")
    })
  )

  it.effect.each(["invalid_request", "invalid_grant"])(
    "suggests to sign in again after %s, and the error contains no token",
    (code) =>
      Effect.gen(function* () {
        for (const description of ["canary-subject is over", "canary-actor is over", "it is over"]) {
          const { exchange } = yield* exchanging([respond(400, { error: code, error_description: description })], {
            actor
          })
          const error = yield* Effect.flip(exchange(subject))
          expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: code })
          expect(error.detail).toContain("sign in again")
          expect(error.detail.includes("is over")).toBe(!description.includes("canary"))
          expect(allRenderings(error)).not.toContain("canary-")
        }
      })
  )

  it.effect("does not suggest to sign in again after invalid_target", () =>
    Effect.gen(function* () {
      const { exchange } = yield* exchanging([respond(400, { error: "invalid_target" })])
      const error = yield* Effect.flip(exchange(subject))
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_target" })
      expect(error.detail).not.toContain("sign in")
    })
  )

  it.effect("sends nothing if the actor has no token, and names the actor in the error", () =>
    Effect.gen(function* () {
      const signedOut = new TokenError({ reason: "ReauthorizationRequired", detail: "sign in" })
      const { exchange, mock } = yield* exchanging([], { actor: Effect.fail(signedOut) })
      const error = yield* Effect.flip(exchange(subject))
      expect(error).toMatchObject({ reason: "Rejected", sent: "no" })
      expect(error.detail).toContain("actor")
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("rejects an empty clientId", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(exchanging([], { clientId: "" }))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
    })
  )
})
