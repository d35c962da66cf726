/** A client clock that is an hour wrong: the client signs and verifies with the server's time. */
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as Dpop from "@countersign/auth/Dpop"
import * as Effect from "effect/Effect"
import * as jose from "jose"
import type { Case } from "../Case.js"
import { rejects } from "../Case.js"
import { expectThat } from "../Checks.js"
import type { Client } from "../Client.js"
import { anHour, skewedBy } from "../SkewedClock.js"
import * as Provider from "../Provider.js"
import { optionsOf, session, signIn } from "../Session.js"

/** Uses everything that contains a time: an assertion, an ID token, DPoP proofs for the server and for the API. */
const everything = (client: Client, offMs: number) =>
  Effect.gen(function* () {
    const pair = yield* Effect.promise(() => jose.generateKeyPair("ES256", { extractable: true }))
    const jwk = yield* Effect.promise(() => jose.exportJWK(pair.publicKey))
    const known = { client_secret: undefined, token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk] } }
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web", known)] } })
    return yield* skewedBy(offMs)(
      Effect.gen(function* () {
        const options = optionsOf(provider, {
          clientSecret: undefined,
          clientAuthentication: ClientAuthentication.privateKeyJwt({ key: pair.privateKey }),
          dpop: yield* Dpop.generateKey
        })
        const done = yield* signIn(client, options)
        yield* expectThat(done.claims?.sub === "ada", "the ID token is accepted")
        const { api, source } = yield* session(client, options, done, { expired: true })
        yield* api.get("/me")
        yield* source.get
        const sent = provider.asked("POST /token")
        yield* expectThat(sent === 2, `the new token is unexpired: ${sent} token requests, expected two`)
        return "an assertion, an ID token, two proofs and a refresh were accepted"
      })
    )
  })

export const clock: ReadonlyArray<Case> = [
  rejects("clock/an-hour-ahead", (client) => everything(client, anHour)),
  rejects("clock/an-hour-behind", (client) => everything(client, -anHour))
]
