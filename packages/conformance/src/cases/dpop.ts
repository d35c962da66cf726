/** Tokens that are bound to a key, at a server and an API that demand a nonce in every proof. */
import * as Dpop from "@countersign/auth/Dpop"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds, refused, textOf } from "../Checks.js"
import type { Client } from "../Client.js"
import type { Between } from "../Provider.js"
import * as Provider from "../Provider.js"
import { optionsOf, session, signedIn } from "../Session.js"

const demanding = { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true }

const serving = (more: Provider.Options = {}) =>
  Provider.make({
    ...more,
    configuration: { clients: [Provider.registered("web")] },
    features: { dPoP: demanding, ...more.features }
  })

const bound = (client: Client, between?: Between) =>
  Effect.gen(function* () {
    const provider = yield* serving({ between })
    const key = yield* Dpop.generateKey
    const options = optionsOf(provider, { dpop: key })
    const done = yield* signedIn(client, options)
    return { provider, key, options, done }
  })

const nonce = works("dpop/mandatory-nonce", (client) =>
  Effect.gen(function* () {
    const { done, options, provider } = yield* bound(client)
    yield* holds(done.token.tokenType === "DPoP", "the token is bound")
    const sent = provider.asked("POST /token")
    yield* holds(sent === 2, `the token endpoint says the nonce once, not ${sent - 1} times`)
    const { api, source } = yield* session(client, options, done)
    yield* api.get("/me")
    yield* api.get("/me")
    yield* holds(provider.asked("GET /me") <= 3, "the API says the nonce once at most")
    const { generation } = yield* source.get
    yield* source.renew(generation)
    yield* api.get("/me")
    return `a bound token and its refresh; the server said its nonce once, the API ${provider.asked("GET /me") - 3} times`
  })
)

/** Every proof that comes to the API, of which none may be good for another request. */
const proofs = attack("dpop/proof-sent-twice", (client) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    const { done, options } = yield* bound(client, (exchange, next) => {
      if (exchange.path === "/me") seen.push(exchange.request.headers["dpop"] ?? "")
      return next()
    })
    const { api } = yield* session(client, options, done)
    yield* Effect.forEach(Array.from({ length: 10 }), () => api.get("/me"), { concurrency: 5 })
    yield* holds(new Set(seen).size === seen.length && seen.length >= 10, "each request has a proof of its own")
    return `${seen.length} requests, as many proofs`
  })
)

/** Whoever has copied the token has not got the key. */
const stolen = attack("dpop/stolen-token", (client) =>
  Effect.gen(function* () {
    const { done, provider } = yield* bound(client)
    const plain = yield* Effect.promise(() =>
      fetch(`${provider.issuer}/me`, { headers: { authorization: `Bearer ${textOf(done.token)}` } })
    )
    yield* holds(plain.status === 401, `without a proof it is refused, not answered with ${plain.status}`)
    const source = { get: Effect.succeed({ token: done.token, generation: 1 }), renew: () => Effect.succeed(false) }
    const thief = Dpop.fromSource({ ...source, gaveUp: () => Effect.void }, yield* Dpop.generateKey)
    const api = yield* ApiClient.make({ baseUrl: provider.issuer, auth: thief })
    const tag = yield* Effect.match(api.get("/me"), { onFailure: ({ _tag }) => _tag, onSuccess: () => "answered" })
    yield* holds(tag === "Unauthorized", `with a proof of another key it is refused, not ${tag}`)
    return `refused without a proof (401), and with one of another key (${tag})`
  })
)

const downgraded = attack("dpop/downgraded-to-bearer", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving({ features: { dPoP: { enabled: false } } })
    const { clientCredentials } = yield* client.conversation(optionsOf(provider, { dpop: yield* Dpop.generateKey }))
    return yield* refused(clientCredentials({}), { reason: "InvalidResponse" })
  })
)

/** It says a nonce each time, and is content with none. */
const insatiable: Between = (exchange, next) => {
  if (exchange.path !== "/token") return next()
  exchange.status = 400
  exchange.set("dpop-nonce", randomBytes(9).toString("base64url"))
  exchange.body = { error: "use_dpop_nonce" }
  return Promise.resolve()
}

const loop = attack("dpop/nonce-without-end", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving({ between: insatiable })
    const { clientCredentials } = yield* client.conversation(optionsOf(provider, { dpop: yield* Dpop.generateKey }))
    const observed = yield* refused(clientCredentials({}), { reason: "Rejected", error: "use_dpop_nonce" })
    const sent = provider.asked("POST /token")
    yield* holds(sent === 2, `it is asked twice, not ${sent} times`)
    return `${observed}; asked twice`
  })
)

export const dpop: ReadonlyArray<Case> = [nonce, proofs, stolen, downgraded, loop]
