/** Client credentials grant with each client authentication method that the server supports. */
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError, textOf } from "../Checks.js"
import * as Provider from "../Provider.js"
import { optionsOf } from "../Session.js"

const secrets: ReadonlyArray<OAuth2.SecretAuthMethod> = [
  "client_secret_basic",
  "client_secret_post",
  "client_secret_jwt"
]

const pairOf = Effect.promise(() => jose.generateKeyPair("ES256", { extractable: true }))

/** A client authentication method, with the registered credential or with another one. */
interface Credential {
  readonly method: string
  readonly good: boolean
}

/** A server with a client that is registered for the method, and the client's options. */
const prepared = ({ good, method }: Credential) =>
  Effect.gen(function* () {
    const [known, stranger] = yield* Effect.all([pairOf, pairOf])
    const jwk = yield* Effect.promise(() => jose.exportJWK(known.publicKey))
    const byKey = method === "private_key_jwt"
    const more = {
      token_endpoint_auth_method: method,
      scope: "read",
      ...(byKey && { client_secret: undefined, jwks: { keys: [{ ...jwk, kid: "k", use: "sig" }] } })
    }
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web", more)] } })
    const key = { key: (good ? known : stranger).privateKey, kid: "k" }
    const secret = Redacted.make(good ? Provider.secret : "canary-wrong: of more than 32 bytes, too")
    const clientAuthentication = byKey ? ClientAuthentication.privateKeyJwt(key) : secrets.find((one) => one === method)
    return { provider, options: optionsOf(provider, { clientSecret: secret, clientAuthentication }) }
  })

const right = (method: string): Case =>
  succeeds(`client-credentials/${method}`, (client) =>
    Effect.gen(function* () {
      const { options, provider } = yield* prepared({ method, good: true })
      const { clientCredentials } = yield* client.conversation(options)
      const token = yield* clientCredentials({ scope: "read" })
      yield* expectThat(token.scope === "read", "the scope that was asked for is granted")
      const answer = yield* Effect.promise(() =>
        fetch(`${provider.issuer}/api`, { headers: { authorization: `Bearer ${textOf(token)}` } })
      )
      yield* expectThat(answer.status === 200, "the API takes the token")
      return "a token with the scope, which the API takes"
    })
  )

const wrong = (method: string): Case =>
  rejects(`client-credentials/${method}/wrong-credential`, (client) =>
    Effect.gen(function* () {
      const { options } = yield* prepared({ method, good: false })
      const { clientCredentials } = yield* client.conversation(options)
      const expected = { reason: "Rejected", error: "invalid_client", secrets: ["canary"] } as const
      return yield* expectTokenError(clientCredentials({}), expected)
    })
  )

const scope = rejects("client-credentials/scope-not-allowed", (client) =>
  Effect.gen(function* () {
    const { options } = yield* prepared({ method: "client_secret_basic", good: true })
    const { clientCredentials } = yield* client.conversation(options)
    return yield* expectTokenError(clientCredentials({ scope: "write" }), {
      reason: "Rejected",
      error: "invalid_scope"
    })
  })
)

const methods = [...secrets, "private_key_jwt"]

export const clientCredentials: ReadonlyArray<Case> = [
  ...methods.flatMap((method) => [right(method), wrong(method)]),
  scope
]
