/** The basic grants at a server that publishes no metadata: its endpoints are the client's to know. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds, refused, textOf } from "../Checks.js"
import * as PlainServer from "../PlainServer.js"
import { begun, session, signedIn, using } from "../Session.js"

const service = works("plain/client-credentials", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const { api } = yield* using(options.issuer, client.service(options), yield* TokenStore.makeMemory)
    yield* api.get("/api")
    return "a token, which the API takes"
  })
)

const wrongSecret = attack("plain/wrong-secret", (client) =>
  Effect.gen(function* () {
    const options = { ...(yield* PlainServer.make), ...PlainServer.knownBy("canary-wrong") }
    const { clientCredentials } = yield* client.conversation(options)
    const expected = { reason: "Rejected", error: "invalid_client", secrets: ["canary"] } as const
    return yield* refused(clientCredentials({}), expected)
  })
)

/** As RFC 6749 says it, which this server does not understand. */
const encoded = works("plain/secret-unencoded", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const { clientCredentials } = yield* client.conversation(options)
    yield* clientCredentials({})
    const standard = yield* client.conversation({ ...options, clientAuthentication: "client_secret_basic" })
    const observed = yield* refused(standard.clientCredentials({}), { reason: "Rejected", error: "invalid_client" })
    return `by secretBasicInterop a token, by client_secret_basic ${observed}`
  })
)

const scope = attack("plain/scope-not-allowed", (client) =>
  Effect.gen(function* () {
    const { clientCredentials } = yield* client.conversation(yield* PlainServer.make)
    return yield* refused(clientCredentials({ scope: "write" }), { reason: "Rejected", error: "invalid_scope" })
  })
)

const rotation = works("plain/sign-in-and-refresh", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const done = yield* signedIn(client, options)
    const { api, source } = yield* session(client, options, done, { expired: true })
    yield* api.get("/api")
    const { token } = yield* source.get
    yield* holds(textOf(token) !== textOf(done.token), "there is another token")
    return "code and PKCE, then a refresh, and the API takes the token"
  })
)

const state = attack("plain/state-of-another-sign-in", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const mine = yield* begun(client, options)
    const theirs = yield* begun(client, options)
    return yield* refused(mine.finish(mine.transaction, theirs.callback), { reason: "InvalidResponse" })
  })
)

const injected = attack("plain/code-injected", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const mine = yield* begun(client, options)
    const theirs = yield* begun(client, options)
    const callback = new URL(mine.callback)
    callback.searchParams.set("code", theirs.callback.searchParams.get("code") ?? "")
    const expected = { reason: "ReauthorizationRequired", error: "invalid_grant" } as const
    return yield* refused(mine.finish(mine.transaction, callback), expected)
  })
)

const dead = attack("plain/dead-refresh-token", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const { token } = yield* signedIn(client, options)
    const { refresh } = yield* client.conversation(options)
    const first = token.refreshToken ?? Redacted.make("none")
    yield* refresh(first)
    return yield* refused(refresh(first), { reason: "ReauthorizationRequired", error: "invalid_grant" })
  })
)

export const plain: ReadonlyArray<Case> = [service, encoded, wrongSecret, scope, rotation, state, injected, dead]
