/** Requests that are pushed to the server, and of which the browser carries a reference only. */
import * as Effect from "effect/Effect"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds } from "../Checks.js"
import * as Provider from "../Provider.js"
import { begun, optionsOf } from "../Session.js"

/** What a browser is shown of a pushed request. */
const shown = "client_id request_uri"

const required = works("par/required-by-the-server", (client) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({
      configuration: { clients: [Provider.registered("web")] },
      features: { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } }
    })
    const { callback, finish, transaction } = yield* begun(client, optionsOf(provider))
    const names = [...new URL(transaction.url).searchParams.keys()].sort().join(" ")
    yield* holds(names === shown, `the browser is shown ${shown}, not ${names}`)
    const { claims } = yield* finish(transaction, callback)
    yield* holds(claims?.sub === "ada", "the ID token says who has signed in")
    return `pushed, since the metadata says so; the browser saw ${names}`
  })
)

/** Whoever can change the URL that the browser opens would have the client get more, or somebody else's sign-in. */
const tampered = attack("par/url-changed", (client) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web")] } })
    const { callback, finish, transaction } = yield* begun(client, optionsOf(provider, { pushed: true }), (url) =>
      url.searchParams.set("scope", "openid read write")
    )
    const { token } = yield* finish(transaction, callback)
    yield* holds(token.scope === "openid read", `what was pushed is granted, not ${token.scope}`)
    return `a wider scope in the URL, and ${token.scope} granted`
  })
)

export const par: ReadonlyArray<Case> = [required, tampered]
