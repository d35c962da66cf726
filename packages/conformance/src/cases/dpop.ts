/** DPoP-bound tokens (RFC 9449), at a server and an API that require a nonce in every proof. */
import * as Dpop from "@countersign/auth/Dpop"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError, textOf } from "../Checks.js"
import type { Client } from "../Client.js"
import type { Between } from "../Provider.js"
import * as Provider from "../Provider.js"
import { optionsOf, session, signIn } from "../Session.js"

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
    const done = yield* signIn(client, options)
    return { provider, key, options, done }
  })

const nonce = succeeds("dpop/mandatory-nonce", (client) =>
  Effect.gen(function* () {
    const { done, options, provider } = yield* bound(client)
    yield* expectThat(done.token.tokenType === "DPoP", "the token is bound")
    const sent = provider.asked("POST /token")
    yield* expectThat(sent === 2, `the token endpoint sends the nonce once, not ${sent - 1} times`)
    const { api, source } = yield* session(client, options, done)
    yield* api.get("/me")
    yield* api.get("/me")
    yield* expectThat(provider.asked("GET /me") <= 3, "the API sends the nonce at most once")
    const { generation } = yield* source.get
    yield* source.onRejected(generation)
    yield* api.get("/me")
    return `a bound token and its refresh; nonce errors: one by the server, ${provider.asked("GET /me") - 3} by the API`
  })
)

/** Records every proof at the API: each request needs a new one. */
const proofs = rejects("dpop/proof-sent-twice", (client) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    const { done, options } = yield* bound(client, (exchange, next) => {
      if (exchange.path === "/me") seen.push(exchange.request.headers["dpop"] ?? "")
      return next()
    })
    const { api } = yield* session(client, options, done)
    yield* Effect.forEach(Array.from({ length: 10 }), () => api.get("/me"), { concurrency: 5 })
    yield* expectThat(new Set(seen).size === seen.length && seen.length >= 10, "each request has another proof")
    return `${seen.length} requests, as many proofs`
  })
)

/** The attacker has the token without its key. */
const stolen = rejects("dpop/stolen-token", (client) =>
  Effect.gen(function* () {
    const { done, provider } = yield* bound(client)
    const plain = yield* Effect.promise(() =>
      fetch(`${provider.issuer}/me`, { headers: { authorization: `Bearer ${textOf(done.token)}` } })
    )
    yield* expectThat(plain.status === 401, `without a proof it is rejected with 401, not ${plain.status}`)
    const source = {
      get: Effect.succeed({ token: done.token, generation: 1 }),
      onRejected: () => Effect.succeed(false)
    }
    const thief = Dpop.fromSource({ ...source, onReplayRejected: () => Effect.void }, yield* Dpop.generateKey)
    const api = yield* ApiClient.make({ baseUrl: provider.issuer, auth: thief })
    const tag = yield* Effect.match(api.get("/me"), { onFailure: ({ _tag }) => _tag, onSuccess: () => "answered" })
    yield* expectThat(tag === "Unauthorized", `with a proof of another key it is rejected, not ${tag}`)
    return `rejected without a proof (401), and with a proof of another key (${tag})`
  })
)

const downgraded = rejects("dpop/downgraded-to-bearer", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving({ features: { dPoP: { enabled: false } } })
    const { clientCredentials } = yield* client.conversation(optionsOf(provider, { dpop: yield* Dpop.generateKey }))
    return yield* expectTokenError(clientCredentials({}), { reason: "InvalidResponse" })
  })
)

/** Sends a new nonce each time and accepts none. */
const insatiable: Between = (exchange, next) => {
  if (exchange.path !== "/token") return next()
  exchange.status = 400
  exchange.set("dpop-nonce", randomBytes(9).toString("base64url"))
  exchange.body = { error: "use_dpop_nonce" }
  return Promise.resolve()
}

const loop = rejects("dpop/nonce-without-end", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving({ between: insatiable })
    const { clientCredentials } = yield* client.conversation(optionsOf(provider, { dpop: yield* Dpop.generateKey }))
    const observed = yield* expectTokenError(clientCredentials({}), { reason: "Rejected", error: "use_dpop_nonce" })
    const sent = provider.asked("POST /token")
    yield* expectThat(sent === 2, `the client sends two requests, not ${sent}`)
    return `${observed}; two requests`
  })
)

export const dpop: ReadonlyArray<Case> = [nonce, proofs, stolen, downgraded, loop]
