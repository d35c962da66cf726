/** Attacks on the authorization code grant: manipulated authorization URLs and callbacks. */
import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as Effect from "effect/Effect"
import type { Case } from "../Case.js"
import { rejects } from "../Case.js"
import { expectThat, expectTokenError } from "../Checks.js"
import type { Client } from "../Client.js"
import { makeUserAgent } from "../UserAgent.js"
import type { Options } from "../Provider.js"
import * as Provider from "../Provider.js"
import { startSignIn, optionsOf, session } from "../Session.js"

const serving = (options: Options = {}) =>
  Effect.map(
    Provider.make({ ...options, configuration: { clients: [Provider.registered("web")], ...options.configuration } }),
    (provider) => ({ provider, codes: () => provider.asked("POST /token") })
  )

const changed = (callback: URL, name: string, value?: string): URL => {
  const url = new URL(callback)
  url.searchParams.delete(name)
  if (value !== undefined) url.searchParams.set(name, value)
  return url
}

/** Expects that the client rejects a forged callback and sends no code. */
const unsent = (client: Client, forge: (callback: URL, theirs: URL) => URL) =>
  Effect.gen(function* () {
    const { codes, provider } = yield* serving()
    const mine = yield* startSignIn(client, optionsOf(provider))
    const theirs = yield* startSignIn(client, optionsOf(provider))
    const forged = forge(mine.callback, theirs.callback)
    const refusal = yield* expectTokenError(mine.complete(mine.transaction, forged), { reason: "InvalidResponse" })
    yield* expectThat(codes() === 0, "no code is sent")
    return { ...mine, observed: `${refusal}; no code was sent` }
  })

/** A callback of another sign-in, or without state. The right callback is still accepted afterwards. */
const state = (name: string, forge: (callback: URL, theirs: URL) => URL): Case =>
  rejects(name, (client) =>
    Effect.gen(function* () {
      const { callback, complete, observed, transaction } = yield* unsent(client, forge)
      const { claims } = yield* complete(transaction, callback)
      yield* expectThat(claims?.sub === "ada", "the right callback is still accepted")
      return `${observed}, and the right callback is still accepted`
    })
  )

const states = [
  state("code/state-of-another-sign-in", (_, theirs) => theirs),
  state("code/state-missing", (callback) => changed(callback, "state"))
]

const issuer = (name: string, iss?: string): Case =>
  rejects(name, (client) =>
    Effect.map(
      unsent(client, (callback) => changed(callback, "iss", iss)),
      ({ observed }) => observed
    )
  )

const issuers = [issuer("code/iss-of-another-server", "https://evil.test"), issuer("code/iss-missing")]

/** The nonce of another sign-in. */
export const foreignNonce = "of-another-sign-in"

/** The attacker changes the nonce in the authorization URL, so that the server signs an ID token with that nonce. */
const nonce = rejects("code/nonce-of-another-sign-in", (client) =>
  Effect.gen(function* () {
    const { provider } = yield* serving()
    const theirs = (url: URL) => url.searchParams.set("nonce", foreignNonce)
    const { callback, complete, transaction } = yield* startSignIn(client, optionsOf(provider), theirs)
    return yield* expectTokenError(complete(transaction, callback), { reason: "InvalidResponse" })
  })
)

const replayed = rejects("code/replayed-here", (client) =>
  Effect.gen(function* () {
    const { codes, provider } = yield* serving()
    const options = optionsOf(provider)
    const { callback, complete, transaction } = yield* startSignIn(client, options)
    const first = yield* complete(transaction, callback)
    const observed = yield* expectTokenError(complete(transaction, callback), { reason: "ReauthorizationRequired" })
    yield* expectThat(codes() === 1, "the code is sent once")
    yield* (yield* session(client, options, first)).api.get("/me")
    return `${observed}; the code was sent once, and its token is still valid`
  })
)

const stolen = rejects("code/replayed-elsewhere", (client) =>
  Effect.gen(function* () {
    const { codes, provider } = yield* serving()
    const options = optionsOf(provider)
    const { callback, complete, transaction } = yield* startSignIn(client, options)
    yield* complete(transaction, callback)
    const otherClient = yield* client.signIn(options)
    const observed = yield* expectTokenError(otherClient.complete(transaction, callback), {
      reason: "ReauthorizationRequired",
      error: "invalid_grant",
      secrets: [callback.searchParams.get("code") ?? ""]
    })
    yield* expectThat(codes() === 2, "a rejected code is not sent again")
    return observed
  })
)

/** Without `openid`, so that only PKCE can detect the attack. */
const plain = (provider: Provider.Provider): AuthorizationCode.Options => optionsOf(provider, { scopes: ["read"] })

const injected = rejects("code/injected", (client) =>
  Effect.gen(function* () {
    const { provider } = yield* serving()
    const mine = yield* startSignIn(client, plain(provider))
    const theirs = yield* startSignIn(client, plain(provider))
    const code = theirs.callback.searchParams.get("code") ?? ""
    const observed = yield* expectTokenError(mine.complete(mine.transaction, changed(mine.callback, "code", code)), {
      reason: "ReauthorizationRequired",
      error: "invalid_grant",
      secrets: [code]
    })
    return `${observed}: the code belongs to another verifier`
  })
)

/** PKCE downgrade: the server does not require PKCE, and the challenge is removed from the URL. */
const stripped = rejects("code/challenge-taken-out", (client) =>
  Effect.gen(function* () {
    const { provider } = yield* serving({ configuration: { pkce: { required: () => false } } })
    const { callback, complete, transaction } = yield* startSignIn(client, plain(provider), (url) => {
      url.searchParams.delete("code_challenge")
      url.searchParams.delete("code_challenge_method")
    })
    yield* expectThat(callback.searchParams.has("code"), "the server issues a code without a challenge")
    const expected = { reason: "ReauthorizationRequired", error: "invalid_grant" } as const
    return `${yield* expectTokenError(complete(transaction, callback), expected)}: the server received a verifier without a challenge`
  })
)

const plainOnly: Provider.Between = async (exchange, next) => {
  await next()
  const { body, path } = exchange
  if (path.startsWith("/.well-known/")) exchange.body = { ...Object(body), code_challenge_methods_supported: ["plain"] }
}

const noS256 = rejects("code/server-without-s256", (client: Client) =>
  Effect.gen(function* () {
    const { provider } = yield* serving({ between: plainOnly })
    const { start } = yield* client.signIn(optionsOf(provider))
    return yield* expectTokenError(start(), { reason: "Rejected" })
  })
)

const declined = rejects("code/declined", (client) =>
  Effect.gen(function* () {
    const { codes, provider } = yield* serving()
    const { start, complete } = yield* client.signIn(optionsOf(provider))
    const transaction = yield* start()
    const callback = yield* makeUserAgent().cancelSignIn(transaction.url)
    const observed = yield* expectTokenError(complete(transaction, callback), {
      reason: "Rejected",
      error: "access_denied"
    })
    yield* expectThat(codes() === 0, "no token request is sent")
    return observed
  })
)

export const codeAttacks: ReadonlyArray<Case> = [
  ...states,
  ...issuers,
  nonce,
  replayed,
  stolen,
  injected,
  stripped,
  noS256,
  declined
]
