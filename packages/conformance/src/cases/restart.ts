/** The server restarts, with or without its records. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as jose from "jose"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError } from "../Checks.js"
import * as Provider from "../Provider.js"
import { startSignIn, optionsOf, session, signIn, makeSession } from "../Session.js"

const serving = Provider.make({ configuration: { clients: [Provider.registered("web")] } })

const between = succeeds("restart/within-a-sign-in", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const { callback, complete, transaction } = yield* startSignIn(client, optionsOf(provider))
    yield* provider.stop
    yield* provider.start({})
    const { claims } = yield* complete(transaction, callback)
    yield* expectThat(claims?.sub === "ada", "the sign-in completes")
    return "started before the restart, completed after it on a new connection"
  })
)

/** Retries for ten seconds: the token source waits one second after its first failure, then two. */
const soon = Schedule.intersect(Schedule.spaced("250 millis"), Schedule.recurs(40))

/** An unavailable server does not invalidate the user's grant. */
const away = rejects("restart/away-for-a-refresh", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const options = optionsOf(provider)
    const { api, source } = yield* session(client, options, yield* signIn(client, options), { expired: true })
    const before = provider.asked("POST /token")
    yield* provider.stop
    const observed = yield* expectTokenError(source.get, { reason: "Unavailable" })
    yield* provider.start({})
    yield* Effect.retry(source.get, soon)
    yield* api.get("/me")
    const sent = provider.asked("POST /token") - before
    yield* expectThat(sent === 1, `the refresh token is sent once, not ${sent} times`)
    return `${observed}; after the restart the same refresh token is valid`
  })
)

const forgotten = rejects("restart/refresh-token-forgotten", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const options = optionsOf(provider)
    const { api, source } = yield* session(client, options, yield* signIn(client, options))
    yield* api.get("/me")
    yield* provider.stop
    yield* provider.start({ forgetful: true })
    const before = provider.asked("POST /token")
    const observed = yield* expectTokenError(api.get("/me"), {
      reason: "ReauthorizationRequired",
      error: "invalid_grant"
    })
    yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.either(api.get("/me")), { concurrency: "unbounded" })
    const { generation } = yield* source.get
    yield* Effect.either(source.onRejected(generation))
    const sent = provider.asked("POST /token") - before
    yield* expectThat(sent === 1, `the refresh token is sent once, not ${sent} times`)
    return `${observed}; one refresh for 21 requests`
  })
)

/** With client credentials no user has to sign in: the client requests another token. */
const replaced = rejects("restart/token-forgotten", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const options = { ...optionsOf(provider, { scopes: ["read"] }), propagationDelay: 0 }
    const { api } = yield* makeSession(provider.issuer, client.service(options), yield* TokenStore.makeMemory)
    yield* api.get("/api")
    yield* provider.stop
    yield* provider.start({ forgetful: true })
    yield* api.get("/api")
    const sent = provider.asked("POST /token")
    yield* expectThat(sent === 2, `there is one more token, not ${sent - 1}`)
    return "a 401, one new token, and the request succeeds"
  })
)

const newKey = Effect.promise(async () => {
  const { privateKey } = await jose.generateKeyPair("RS256", { extractable: true })
  return { ...(await jose.exportJWK(privateKey)), kid: "another", use: "sig", alg: "RS256" }
})

/** The client caches keys for a minute after it fetched them. Here it fetches them only after the restart. */
const keys = succeeds("restart/with-other-keys", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const { callback, complete, transaction } = yield* startSignIn(client, optionsOf(provider))
    const jwks = { keys: [yield* newKey] }
    yield* provider.stop
    yield* provider.start({ configuration: { clients: [Provider.registered("web")], jwks } })
    const { claims } = yield* complete(transaction, callback)
    yield* expectThat(claims?.sub === "ada", "the ID token is verified with the new key")
    return "started before the restart; the ID token with the new key is accepted"
  })
)

export const restart: ReadonlyArray<Case> = [between, away, forgotten, replaced, keys]
