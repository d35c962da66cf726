/** Pushed authorization requests (RFC 9126). */
import * as Effect from "effect/Effect"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat } from "../Checks.js"
import * as Provider from "../Provider.js"
import { startSignIn, optionsOf } from "../Session.js"

/** The parameters in the authorization URL of a pushed request. */
const shown = "client_id request_uri"

const required = succeeds("par/required-by-the-server", (client) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({
      configuration: { clients: [Provider.registered("web")] },
      features: { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } }
    })
    const { callback, complete, transaction } = yield* startSignIn(client, optionsOf(provider))
    const names = [...new URL(transaction.url).searchParams.keys()].sort().join(" ")
    yield* expectThat(names === shown, `the URL has the parameters ${shown}, not ${names}`)
    const { claims } = yield* complete(transaction, callback)
    yield* expectThat(claims?.sub === "ada", "the ID token names the signed-in user")
    return `pushed, because the metadata requires it; the URL had ${names}`
  })
)

/** The attacker adds a scope to the authorization URL. The pushed request stays as it was. */
const tampered = rejects("par/url-changed", (client) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web")] } })
    const { callback, complete, transaction } = yield* startSignIn(
      client,
      optionsOf(provider, { usePar: true }),
      (url) => url.searchParams.set("scope", "openid read write")
    )
    const { token } = yield* complete(transaction, callback)
    yield* expectThat(token.scope === "openid read", `the pushed scope is granted, not ${token.scope}`)
    return `a wider scope in the URL, and ${token.scope} granted`
  })
)

export const par: ReadonlyArray<Case> = [required, tampered]
