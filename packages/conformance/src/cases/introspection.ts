/** Token introspection (RFC 7662). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError } from "../Checks.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import { optionsOf, signIn } from "../Session.js"

/** The tokens of a sign-in, and the options of their server. */
const known = (client: Client) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web")] } })
    const options = optionsOf(provider)
    const { token } = yield* signIn(client, options)
    return { options, token }
  })

const active = succeeds("introspection/active", (client) =>
  Effect.gen(function* () {
    const { options, token } = yield* known(client)
    const { introspect } = yield* client.introspection(options)
    const said = yield* introspect(token.accessToken)
    yield* expectThat(
      said.active && said.clientId === "web" && said.subject === "ada",
      "the token is active, with ada as its subject and this client's id"
    )
    yield* expectThat(said.active && said.scope === "openid read", "the token has the granted scope")
    const left = said.active ? Math.round(((said.expiresAt ?? 0) - (yield* Clock.currentTimeMillis)) / 60_000) : 0
    yield* expectThat(left === 60, `the token expires after an hour, not ${left} minutes`)
    const refreshToken = yield* introspect(token.refreshToken ?? Redacted.make("none"), "refresh_token")
    yield* expectThat(refreshToken.active, "the refresh token is active, too")
    return "active: subject ada, this client, the granted scope, for an hour"
  })
)

const unknown = rejects("introspection/made-up-token", (client) =>
  Effect.gen(function* () {
    const { options } = yield* known(client)
    const { introspect } = yield* client.introspection(options)
    const said = yield* introspect(Redacted.make("made-up"))
    yield* expectThat(!said.active, "the token is not active")
    return "not active"
  })
)

/** A failed client authentication says nothing about the token. In particular, the token is not inactive. */
const wrongSecret = rejects("introspection/wrong-secret", (client) =>
  Effect.gen(function* () {
    const { options, token } = yield* known(client)
    const mistaken = { ...options, clientSecret: Redacted.make("canary-wrong") }
    const { introspect } = yield* client.introspection(mistaken)
    const secrets = ["canary", Redacted.value(token.accessToken)]
    return yield* expectTokenError(introspect(token.accessToken), {
      reason: "Rejected",
      error: "invalid_client",
      secrets
    })
  })
)

export const introspection: ReadonlyArray<Case> = [active, unknown, wrongSecret]
