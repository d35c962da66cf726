/** The server goes away, and comes back: as it was, or without what it knew. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as jose from "jose"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds, refused } from "../Checks.js"
import * as Provider from "../Provider.js"
import { begun, optionsOf, session, signedIn, using } from "../Session.js"

const serving = Provider.make({ configuration: { clients: [Provider.registered("web")] } })

const between = works("restart/within-a-sign-in", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const { callback, finish, transaction } = yield* begun(client, optionsOf(provider))
    yield* provider.stop
    yield* provider.start({})
    const { claims } = yield* finish(transaction, callback)
    yield* holds(claims?.sub === "ada", "the sign-in goes on")
    return "begun before, finished after: over a new connection"
  })
)

/** Tried again as long as the source's own waits take: a second, and two. */
const soon = Schedule.intersect(Schedule.spaced("250 millis"), Schedule.recurs(40))

/** What somebody has granted is not lost to a server that is away. */
const away = attack("restart/away-for-a-refresh", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const options = optionsOf(provider)
    const { api, source } = yield* session(client, options, yield* signedIn(client, options), { expired: true })
    const before = provider.asked("POST /token")
    yield* provider.stop
    const observed = yield* refused(source.get, { reason: "Unavailable" })
    yield* provider.start({})
    yield* Effect.retry(source.get, soon)
    yield* api.get("/me")
    const sent = provider.asked("POST /token") - before
    yield* holds(sent === 1, `the refresh token is sent once, not ${sent} times`)
    return `${observed}; afterwards the same refresh token is good`
  })
)

const forgotten = attack("restart/refresh-token-forgotten", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const options = optionsOf(provider)
    const { api, source } = yield* session(client, options, yield* signedIn(client, options))
    yield* api.get("/me")
    yield* provider.stop
    yield* provider.start({ forgetful: true })
    const before = provider.asked("POST /token")
    const observed = yield* refused(api.get("/me"), { reason: "ReauthorizationRequired", error: "invalid_grant" })
    yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.either(api.get("/me")), { concurrency: "unbounded" })
    const { generation } = yield* source.get
    yield* Effect.either(source.renew(generation))
    const sent = provider.asked("POST /token") - before
    yield* holds(sent === 1, `the refresh token is sent once, not ${sent} times`)
    return `${observed}; asked once for 21 requests`
  })
)

/** A service needs nobody to sign in: the next token is as good. */
const replaced = attack("restart/token-forgotten", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const options = { ...optionsOf(provider, { scopes: ["read"] }), settling: 0 }
    const { api } = yield* using(provider.issuer, client.service(options), yield* TokenStore.makeMemory)
    yield* api.get("/api")
    yield* provider.stop
    yield* provider.start({ forgetful: true })
    yield* api.get("/api")
    const sent = provider.asked("POST /token")
    yield* holds(sent === 2, `there is one more token, not ${sent - 1}`)
    return "a 401, one new token, and the request is answered"
  })
)

const newKey = Effect.promise(async () => {
  const { privateKey } = await jose.generateKeyPair("RS256", { extractable: true })
  return { ...(await jose.exportJWK(privateKey)), kid: "another", use: "sig", alg: "RS256" }
})

/** The keys of a server that has just been asked for them are kept for a minute: here they are asked for afterwards. */
const keys = works("restart/with-other-keys", (client) =>
  Effect.gen(function* () {
    const provider = yield* serving
    const { callback, finish, transaction } = yield* begun(client, optionsOf(provider))
    const jwks = { keys: [yield* newKey] }
    yield* provider.stop
    yield* provider.start({ configuration: { clients: [Provider.registered("web")], jwks } })
    const { claims } = yield* finish(transaction, callback)
    yield* holds(claims?.sub === "ada", "the ID token is believed by the new key")
    return "begun before, and an ID token of the new key is believed"
  })
)

export const restart: ReadonlyArray<Case> = [between, away, forgotten, replaced, keys]
