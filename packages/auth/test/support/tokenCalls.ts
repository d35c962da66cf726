import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import type { Token } from "@countersign/auth/Token"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { settled } from "./device.js"
import { client, issuer } from "./oauth.js"

type Requests = Effect.Effect<Token, TokenError | InvalidRequest, HttpClient.HttpClient>

/** Each kind of token request, by name. */
export const tokenCalls: Readonly<Record<string, (options: OAuth2.Client) => Requests>> = {
  refresh: (options) =>
    Effect.flatMap(OAuth2.make(options), ({ refresh }) => refresh(Redacted.make("canary-refresh-1"))),
  "client credentials": (options) => Effect.flatMap(OAuth2.make(options), (server) => server.clientCredentials({})),
  "another grant": (options) =>
    Effect.flatMap(OAuth2.make(options), ({ requestToken }) => requestToken("urn:test", { a: "b" })),
  "authorization code": (options) =>
    Effect.gen(function* () {
      const redirectUri = "https://app.test/callback"
      const service = yield* AuthorizationCode.make({
        ...options,
        redirectUri,
        authorizationEndpoint: `${issuer}/authorize`
      })
      const transaction = yield* service.start()
      const back = new URLSearchParams({ code: "canary-code", state: transaction.state })
      return (yield* service.complete(transaction, back)).token
    }),
  "device code": (options) =>
    Effect.gen(function* () {
      const service = yield* DeviceCode.make({
        ...options,
        clientSecret: undefined,
        clientAuthentication: ClientAuthentication.none,
        deviceAuthorizationEndpoint: `${issuer}/device`
      })
      const fiber = yield* Effect.fork(service.poll(yield* service.start))
      while (Option.isNone(yield* Fiber.poll(fiber))) yield* Effect.zipRight(TestClock.adjust("1 second"), settled)
      return (yield* Fiber.join(fiber)).token
    }),
  "token exchange": (options) =>
    Effect.flatMap(TokenExchange.make(options), ({ exchange }) =>
      exchange({ token: Redacted.make("canary-subject"), type: TokenExchange.tokenTypes.accessToken })
    )
}

const code = { device_code: "canary-device", user_code: "U", verification_uri: issuer, expires_in: 60, interval: 1 }

/** Runs a call with this token response. */
export const calling = (
  call: (options: OAuth2.Client) => Requests,
  answer: MockClient.Step,
  options: Partial<OAuth2.Client> = {}
): Effect.Effect<Token, unknown> =>
  Effect.flatMap(
    MockClient.make(({ url }) => (url.endsWith("/device") ? MockClient.respond(200, code) : answer)),
    (transport) => Effect.provideService(call({ ...client, ...options }), HttpClient.HttpClient, transport.client)
  )

/** The same members as JSON and as a form, with the content types that servers send them with. */
export const encodings = (members: Readonly<Record<string, unknown>>): ReadonlyArray<readonly [string, string]> => {
  const json = ["application/json", "application/json;charset=utf-8", "text/plain", "text/html", ""]
  // In a form each value is a string.
  const isForm = Object.entries(members).every(
    ([name, value]) => typeof value === "string" || (name === "expires_in" && typeof value === "number")
  )
  const form = isForm ? new URLSearchParams(Object.entries(members).map(([name, value]) => [name, String(value)])) : ""
  return [
    ...json.map((type) => [JSON.stringify(members), type] as const),
    ...(isForm ? ["application/x-www-form-urlencoded", "text/plain"] : []).map((type) => [String(form), type] as const)
  ]
}
