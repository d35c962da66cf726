/** A client whose clock is an hour off: what it signs, and what it believes, is by the server's clock. */
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import * as Effect from "effect/Effect"
import * as jose from "jose"
import type { Case } from "../Case.js"
import { attack } from "../Case.js"
import { holds } from "../Checks.js"
import type { Client } from "../Client.js"
import { anHour, movedBy } from "../MovedClock.js"
import * as Provider from "../Provider.js"
import { optionsOf, session, signedIn } from "../Session.js"

/** With everything that has a time in it: an assertion, an ID token, proofs for the server and for the API. */
const everything = (client: Client, offMs: number) =>
  Effect.gen(function* () {
    const pair = yield* Effect.promise(() => jose.generateKeyPair("ES256", { extractable: true }))
    const jwk = yield* Effect.promise(() => jose.exportJWK(pair.publicKey))
    const known = { client_secret: undefined, token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk] } }
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web", known)] } })
    return yield* movedBy(offMs)(
      Effect.gen(function* () {
        const options = optionsOf(provider, {
          clientSecret: undefined,
          clientAuthentication: ClientAuthentication.privateKeyJwt({ key: pair.privateKey }),
          dpop: yield* Dpop.generateKey
        })
        const done = yield* signedIn(client, options)
        yield* holds(done.claims?.sub === "ada", "the ID token is believed")
        const { api, source } = yield* session(client, options, done, { expired: true })
        yield* api.get("/me")
        yield* source.get
        const sent = provider.asked("POST /token")
        yield* holds(sent === 2, `the new token is fresh: ${sent} requests for tokens, of two`)
        return "an assertion, an ID token, two proofs and a refresh, all of them taken"
      })
    )
  })

export const clock: ReadonlyArray<Case> = [
  attack("clock/an-hour-ahead", (client) => everything(client, anHour)),
  attack("clock/an-hour-behind", (client) => everything(client, -anHour))
]
