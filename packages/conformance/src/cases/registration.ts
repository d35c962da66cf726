/** Clients that the server did not know before. */
import * as Registration from "@countersign/auth/Registration"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds, refused } from "../Checks.js"
import * as Provider from "../Provider.js"
import { optionsOf, signedIn } from "../Session.js"

const invitation = "canary-invitation"

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

/** Registers, and signs somebody in with what came of that. */
const registered = (method: string): Case =>
  works(`registration/${method}`, (client) =>
    Effect.gen(function* () {
      const { provider, server } = yield* serving()
      const made = yield* client.register(server, { ...metadata, token_endpoint_auth_method: method })
      yield* holds(made.method === method, `it proves who it is by ${method}, not by ${made.method}`)
      const shown = inspect(made, { depth: 9 })
      const secret = made.clientSecret === undefined ? undefined : Redacted.value(made.clientSecret)
      yield* holds(secret === undefined || !shown.includes(secret), "the secret is not shown")
      const options = { ...optionsOf(provider, { clientSecret: undefined }), ...Registration.toClient(made) }
      const { claims } = yield* signedIn(client, options)
      yield* holds(claims?.sub === "ada", "somebody signs in with it")
      return `a client ${secret === undefined ? "without" : "with"} a secret, with which somebody has signed in`
    })
  )

const uninvited = attack("registration/uninvited", (client) =>
  Effect.gen(function* () {
    const { server } = yield* serving(invitation)
    const expected = { reason: "Rejected", error: "invalid_token", secrets: ["canary"] } as const
    yield* refused(client.register(server, metadata), expected)
    const forged = { ...server, initialAccessToken: Redacted.make("canary-forged") }
    const observed = yield* refused(client.register(forged, metadata), expected)
    yield* client.register({ ...server, initialAccessToken: Redacted.make(invitation) }, metadata)
    return `without a token, and with a forged one: ${observed}; with a good one a client`
  })
)

const refusedUri = attack("registration/redirect-uri-refused", (client) =>
  Effect.gen(function* () {
    const { server } = yield* serving()
    const asked = client.register(server, { ...metadata, redirect_uris: ["https://app.test/callback#fragment"] })
    return yield* refused(asked, { reason: "Rejected", error: "invalid_redirect_uri" })
  })
)

const methods = ["client_secret_basic", "client_secret_post", "none"]

export const registration: ReadonlyArray<Case> = [...methods.map(registered), uninvited, refusedUri]
