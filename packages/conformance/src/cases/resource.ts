/** Resource indicators (RFC 8707): one token for each API. */
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Jwks from "@countersign/auth/Jwks"
import type * as Jwt from "@countersign/auth/Jwt"
import * as OAuth2 from "@countersign/auth/OAuth2"
import type { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import type { Case } from "../Case.js"
import { rejects, CaseFailed, succeeds } from "../Case.js"
import { expectThat, expectTokenError } from "../Checks.js"
import * as Provider from "../Provider.js"
import { optionsOf, session, signIn } from "../Session.js"

const orders = "https://orders.test/"
const payments = "https://payments.test/"

/** The configuration of a resource. Throws the error of an unknown one. */
const infoOf = (_: unknown, resource: string): object => {
  if (resource !== orders && resource !== payments) {
    throw Object.assign(new Error("invalid_target"), { expose: true, statusCode: 400, status: 400 })
  }
  return { scope: "read", accessTokenFormat: "jwt", accessTokenTTL: 60 }
}

const serving = Provider.make({
  configuration: { clients: [Provider.registered("web")] },
  features: { resourceIndicators: { enabled: true, getResourceServerInfo: infoOf } }
})

/** How an API verifies its tokens. */
const at = ({ issuer }: Provider.Provider, audience: string): Effect.Effect<Jwt.Options, InvalidRequest, HttpClient> =>
  Effect.map(Jwks.make({ uri: `${issuer}/jwks`, transport: OAuth2.dangerouslyAllowHttpOnLoopback }), (keys) => ({
    issuer,
    audience,
    algorithms: ["RS256"],
    typ: "at+jwt",
    keys
  }))

const each = succeeds("resource/a-token-an-api", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const { clientCredentials } = yield* client.conversation(optionsOf(provider))
    const audiences = yield* Effect.forEach([orders, payments], (resource) =>
      Effect.gen(function* () {
        const { accessToken } = yield* clientCredentials({ resource, scope: "read" })
        const { claims } = yield* client.verify(accessToken, yield* at(provider, resource))
        return claims["aud"]
      })
    )
    yield* expectThat(audiences.join() === [orders, payments].join(), "each token has its API as the only audience")
    return `two tokens, one for ${orders} and one for ${payments}`
  })
)

/** Without `resource` in the request, the refreshed token is for the server's own userinfo endpoint. */
const refreshed = succeeds("resource/refresh", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const options = optionsOf(provider, { resource: orders })
    const { source } = yield* session(client, options, yield* signIn(client, options), { expired: true })
    for (let round = 0; round < 2; round++) {
      const { generation, token } = yield* source.get
      const { claims } = yield* client.verify(token.accessToken, yield* at(provider, orders))
      yield* expectThat(
        claims["aud"] === orders && claims["scope"] === "read",
        "the token is for the API, with its scope"
      )
      yield* source.onRejected(generation)
    }
    return `two refreshes, each with a token for ${orders}`
  })
)

/** An API forwards a received token to another API. */
const sentOn = rejects("resource/token-of-another-api", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const { clientCredentials } = yield* client.conversation(optionsOf(provider))
    const { accessToken } = yield* clientCredentials({ resource: orders })
    const verdict = yield* Effect.flip(client.verify(accessToken, yield* at(provider, payments))).pipe(
      Effect.mapError(() => new CaseFailed({ message: "the other API accepts it" }))
    )
    yield* expectThat(verdict.reason === "Audience", `it is rejected for its audience, not for ${verdict.reason}`)
    return verdict.message
  })
)

const unknown = rejects("resource/unknown", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const { clientCredentials } = yield* client.conversation(optionsOf(provider))
    const asked = clientCredentials({ resource: "https://unknown.test/" })
    return yield* expectTokenError(asked, { reason: "Rejected", error: "invalid_target" })
  })
)

export const resource: ReadonlyArray<Case> = [each, refreshed, sentOn, unknown]
