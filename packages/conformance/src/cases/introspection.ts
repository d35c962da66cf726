/** An API asks the server what a token is good for. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds, refused } from "../Checks.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import { optionsOf, signedIn } from "../Session.js"

/** Somebody's tokens, and the server that knows them. */
const known = (client: Client) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web")] } })
    const options = optionsOf(provider)
    const { token } = yield* signedIn(client, options)
    return { options, token }
  })

const active = works("introspection/active", (client) =>
  Effect.gen(function* () {
    const { options, token } = yield* known(client)
    const { introspect } = yield* client.introspection(options)
    const said = yield* introspect(token.accessToken)
    yield* holds(said.active && said.clientId === "web" && said.subject === "ada", "it is ada's, for this client")
    yield* holds(said.active && said.scope === "openid read", "with the scope that was granted")
    const left = said.active ? Math.round(((said.expiresAt ?? 0) - (yield* Clock.currentTimeMillis)) / 60_000) : 0
    yield* holds(left === 60, `it is good for an hour, not ${left} minutes`)
    const refreshToken = yield* introspect(token.refreshToken ?? Redacted.make("none"), "refresh_token")
    yield* holds(refreshToken.active, "the refresh token is good, too")
    return "active: ada's, for this client, with its scope, for an hour"
  })
)

const unknown = attack("introspection/made-up-token", (client) =>
  Effect.gen(function* () {
    const { options } = yield* known(client)
    const { introspect } = yield* client.introspection(options)
    const said = yield* introspect(Redacted.make("made-up"))
    yield* holds(!said.active, "it is not active")
    return "not active"
  })
)

/** Whoever may not ask has learnt nothing of the token, and least of all that it is over. */
const wrongSecret = attack("introspection/wrong-secret", (client) =>
  Effect.gen(function* () {
    const { options, token } = yield* known(client)
    const mistaken = { ...options, clientSecret: Redacted.make("canary-wrong") }
    const { introspect } = yield* client.introspection(mistaken)
    const secrets = ["canary", Redacted.value(token.accessToken)]
    return yield* refused(introspect(token.accessToken), { reason: "Rejected", error: "invalid_client", secrets })
  })
)

export const introspection: ReadonlyArray<Case> = [active, unknown, wrongSecret]
