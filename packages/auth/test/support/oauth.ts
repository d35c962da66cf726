import * as OAuth2 from "@countersign/auth/OAuth2"
import type { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

export const issuer = "https://auth.test"

export const secret = "canary-secret"

/** The client of the tests. Its secret and all tokens begin with `canary-`. */
export const client: OAuth2.Client = {
  issuer,
  clientId: "client",
  clientSecret: Redacted.make(secret),
  tokenEndpoint: `${issuer}/token`
}

/** An OAuth client over scripted responses, and the requests sent. */
export const conversation = (script: MockClient.Script, options: Partial<OAuth2.Options> = {}) =>
  Effect.gen(function* () {
    const transport = yield* MockClient.make(script)
    const server = yield* Effect.provideService(
      OAuth2.make({ ...client, ...options }),
      HttpClient.HttpClient,
      transport.client
    )
    return { server, mock: transport.mock }
  })

/** The error of a client credentials grant with this token response. */
export const failureOf = (answer: MockClient.Step): Effect.Effect<TokenError, unknown> =>
  Effect.flatMap(conversation([answer]), ({ server }) => Effect.flip(server.clientCredentials({})))

export const metadata = (more: object = {}): MockClient.Step =>
  MockClient.respond(200, { issuer, token_endpoint: `${issuer}/token`, ...more })

export const granted = (more: object = {}): MockClient.Step =>
  MockClient.respond(200, { access_token: "canary-a", token_type: "bearer", expires_in: 60, ...more })
