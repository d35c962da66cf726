/** The basic grants at a server without metadata: the client's options name the endpoints. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError, textOf } from "../Checks.js"
import * as PlainServer from "../PlainServer.js"
import { startSignIn, session, signIn, makeSession } from "../Session.js"

const service = succeeds("plain/client-credentials", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const { api } = yield* makeSession(options.issuer, client.service(options), yield* TokenStore.makeMemory)
    yield* api.get("/api")
    return "a token, which the API accepts"
  })
)

const wrongSecret = rejects("plain/wrong-secret", (client) =>
  Effect.gen(function* () {
    const options = { ...(yield* PlainServer.make), ...PlainServer.knownBy("canary-wrong") }
    const { clientCredentials } = yield* client.conversation(options)
    const expected = { reason: "Rejected", error: "invalid_client", secrets: ["canary"] } as const
    return yield* expectTokenError(clientCredentials({}), expected)
  })
)

/** The server does not decode the credentials as RFC 6749 §2.3.1 requires, so the client must not encode them. */
const encoded = succeeds("plain/secret-unencoded", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const { clientCredentials } = yield* client.conversation(options)
    yield* clientCredentials({})
    const standard = yield* client.conversation({ ...options, clientAuthentication: "client_secret_basic" })
    const observed = yield* expectTokenError(standard.clientCredentials({}), {
      reason: "Rejected",
      error: "invalid_client"
    })
    return `secretBasicInterop: a token; client_secret_basic: ${observed}`
  })
)

const scope = rejects("plain/scope-not-allowed", (client) =>
  Effect.gen(function* () {
    const { clientCredentials } = yield* client.conversation(yield* PlainServer.make)
    return yield* expectTokenError(clientCredentials({ scope: "write" }), {
      reason: "Rejected",
      error: "invalid_scope"
    })
  })
)

const rotation = succeeds("plain/sign-in-and-refresh", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const done = yield* signIn(client, options)
    const { api, source } = yield* session(client, options, done, { expired: true })
    yield* api.get("/api")
    const { token } = yield* source.get
    yield* expectThat(textOf(token) !== textOf(done.token), "there is another token")
    return "code and PKCE, then a refresh, and the API accepts the token"
  })
)

const state = rejects("plain/state-of-another-sign-in", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const mine = yield* startSignIn(client, options)
    const theirs = yield* startSignIn(client, options)
    return yield* expectTokenError(mine.complete(mine.transaction, theirs.callback), { reason: "InvalidResponse" })
  })
)

const injected = rejects("plain/code-injected", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const mine = yield* startSignIn(client, options)
    const theirs = yield* startSignIn(client, options)
    const callback = new URL(mine.callback)
    callback.searchParams.set("code", theirs.callback.searchParams.get("code") ?? "")
    const expected = { reason: "ReauthorizationRequired", error: "invalid_grant" } as const
    return yield* expectTokenError(mine.complete(mine.transaction, callback), expected)
  })
)

const dead = rejects("plain/dead-refresh-token", (client) =>
  Effect.gen(function* () {
    const options = yield* PlainServer.make
    const { token } = yield* signIn(client, options)
    const { refresh } = yield* client.conversation(options)
    const first = token.refreshToken ?? Redacted.make("none")
    yield* refresh(first)
    return yield* expectTokenError(refresh(first), { reason: "ReauthorizationRequired", error: "invalid_grant" })
  })
)

export const plain: ReadonlyArray<Case> = [service, encoded, wrongSecret, scope, rotation, state, injected, dead]
