/** Dynamic client registration (RFC 7591). */
import * as Registration from "@countersign/auth/Registration"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError } from "../Checks.js"
import * as Provider from "../Provider.js"
import { optionsOf, signIn } from "../Session.js"

const initialToken = "canary-initial-token"

const serving = (initialAccessToken: false | string = false) =>
  Effect.map(Provider.make({ features: { registration: { enabled: true, initialAccessToken } } }), (provider) => {
    const server: Registration.Options = {
      issuer: provider.issuer,
      transport: OAuth2.dangerouslyAllowHttpOnLoopback
    }
    return { provider, server }
  })

const metadata: Registration.Metadata = {
  redirect_uris: [Provider.redirectUri],
  grant_types: ["authorization_code", "refresh_token"]
}

/** Registers a client and signs a user in with it. */
const registered = (method: string): Case =>
  succeeds(`registration/${method}`, (client) =>
    Effect.gen(function* () {
      const { provider, server } = yield* serving()
      const made = yield* client.register(server, { ...metadata, token_endpoint_auth_method: method })
      yield* expectThat(made.method === method, `the client authentication method is ${method}, not ${made.method}`)
      const shown = inspect(made, { depth: 9 })
      const secret = made.clientSecret === undefined ? undefined : Redacted.value(made.clientSecret)
      yield* expectThat(secret === undefined || !shown.includes(secret), "the secret is not shown")
      const options = { ...optionsOf(provider, { clientSecret: undefined }), ...Registration.toClient(made) }
      const { claims } = yield* signIn(client, options)
      yield* expectThat(claims?.sub === "ada", "a user signs in with it")
      return `a client ${secret === undefined ? "without" : "with"} a secret; a user signed in with it`
    })
  )

const uninvited = rejects("registration/uninvited", (client) =>
  Effect.gen(function* () {
    const { server } = yield* serving(initialToken)
    const expected = { reason: "Rejected", error: "invalid_token", secrets: ["canary"] } as const
    yield* expectTokenError(client.register(server, metadata), expected)
    const forged = { ...server, initialAccessToken: Redacted.make("canary-forged") }
    const observed = yield* expectTokenError(client.register(forged, metadata), expected)
    yield* client.register({ ...server, initialAccessToken: Redacted.make(initialToken) }, metadata)
    return `without a token, and with a forged one: ${observed}; with the valid one: registered`
  })
)

const refusedUri = rejects("registration/redirect-uri-refused", (client) =>
  Effect.gen(function* () {
    const { server } = yield* serving()
    const asked = client.register(server, { ...metadata, redirect_uris: ["https://app.test/callback#fragment"] })
    return yield* expectTokenError(asked, { reason: "Rejected", error: "invalid_redirect_uri" })
  })
)

const methods = ["client_secret_basic", "client_secret_post", "none"]

export const registration: ReadonlyArray<Case> = [...methods.map(registered), uninvited, refusedUri]
