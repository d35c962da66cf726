/** What comes back with a browser, and what was done to it on its way. */
import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as Effect from "effect/Effect"
import type { Case } from "../Case.js"
import { attack } from "../Case.js"
import { holds, refused } from "../Checks.js"
import type { Client } from "../Client.js"
import { person } from "../Person.js"
import type { Options } from "../Provider.js"
import * as Provider from "../Provider.js"
import { begun, optionsOf, session } from "../Session.js"

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

/** Has a callback refused by the client itself, before its code leaves. */
const unsent = (client: Client, forge: (callback: URL, theirs: URL) => URL) =>
  Effect.gen(function* () {
    const { codes, provider } = yield* serving()
    const mine = yield* begun(client, optionsOf(provider))
    const theirs = yield* begun(client, optionsOf(provider))
    const forged = forge(mine.callback, theirs.callback)
    const refusal = yield* refused(mine.finish(mine.transaction, forged), { reason: "InvalidResponse" })
    yield* holds(codes() === 0, "the code stays here")
    return { ...mine, observed: `${refusal}; no code was sent` }
  })

/** An answer that belongs to another sign-in, or to none: the right one may still come. */
const state = (name: string, forge: (callback: URL, theirs: URL) => URL): Case =>
  attack(name, (client) =>
    Effect.gen(function* () {
      const { callback, finish, observed, transaction } = yield* unsent(client, forge)
      const { claims } = yield* finish(transaction, callback)
      yield* holds(claims?.sub === "ada", "the right answer is still taken")
      return `${observed}, and the right answer is still taken`
    })
  )

const states = [
  state("code/state-of-another-sign-in", (_, theirs) => theirs),
  state("code/state-missing", (callback) => changed(callback, "state"))
]

const issuer = (name: string, iss?: string): Case =>
  attack(name, (client) =>
    Effect.map(
      unsent(client, (callback) => changed(callback, "iss", iss)),
      ({ observed }) => observed
    )
  )

const issuers = [issuer("code/iss-of-another-server", "https://evil.test"), issuer("code/iss-missing")]

/** What somebody else's sign-in was begun with. */
export const foreignNonce = "of-another-sign-in"

/** Whoever can change the URL that the browser opens has the server sign an ID token for another nonce. */
const nonce = attack("code/nonce-of-another-sign-in", (client) =>
  Effect.gen(function* () {
    const { provider } = yield* serving()
    const theirs = (url: URL) => url.searchParams.set("nonce", foreignNonce)
    const { callback, finish, transaction } = yield* begun(client, optionsOf(provider), theirs)
    return yield* refused(finish(transaction, callback), { reason: "InvalidResponse" })
  })
)

const replayed = attack("code/replayed-here", (client) =>
  Effect.gen(function* () {
    const { codes, provider } = yield* serving()
    const options = optionsOf(provider)
    const { callback, finish, transaction } = yield* begun(client, options)
    const first = yield* finish(transaction, callback)
    const observed = yield* refused(finish(transaction, callback), { reason: "ReauthorizationRequired" })
    yield* holds(codes() === 1, "the code is sent once")
    yield* (yield* session(client, options, first)).api.get("/me")
    return `${observed}; the code was sent once, and the token it gave is good`
  })
)

const stolen = attack("code/replayed-elsewhere", (client) =>
  Effect.gen(function* () {
    const { codes, provider } = yield* serving()
    const options = optionsOf(provider)
    const { callback, finish, transaction } = yield* begun(client, options)
    yield* finish(transaction, callback)
    const elsewhere = yield* client.signIn(options)
    const observed = yield* refused(elsewhere.finish(transaction, callback), {
      reason: "ReauthorizationRequired",
      error: "invalid_grant",
      secrets: [callback.searchParams.get("code") ?? ""]
    })
    yield* holds(codes() === 2, "a code that had a definite answer is not sent again")
    return observed
  })
)

/** Without `openid`, so that nothing but PKCE tells of it. */
const plain = (provider: Provider.Provider): AuthorizationCode.Options => optionsOf(provider, { scopes: ["read"] })

const injected = attack("code/injected", (client) =>
  Effect.gen(function* () {
    const { provider } = yield* serving()
    const mine = yield* begun(client, plain(provider))
    const theirs = yield* begun(client, plain(provider))
    const code = theirs.callback.searchParams.get("code") ?? ""
    const observed = yield* refused(mine.finish(mine.transaction, changed(mine.callback, "code", code)), {
      reason: "ReauthorizationRequired",
      error: "invalid_grant",
      secrets: [code]
    })
    return `${observed}: it was begun with another verifier`
  })
)

/** The server does not insist on PKCE, and what would have it is taken out of the URL. */
const stripped = attack("code/challenge-taken-out", (client) =>
  Effect.gen(function* () {
    const { provider } = yield* serving({ configuration: { pkce: { required: () => false } } })
    const { callback, finish, transaction } = yield* begun(client, plain(provider), (url) => {
      url.searchParams.delete("code_challenge")
      url.searchParams.delete("code_challenge_method")
    })
    yield* holds(callback.searchParams.has("code"), "the server falls for it")
    const expected = { reason: "ReauthorizationRequired", error: "invalid_grant" } as const
    return `${yield* refused(finish(transaction, callback), expected)}: a verifier came that it knew nothing of`
  })
)

const plainOnly: Provider.Between = async (exchange, next) => {
  await next()
  const { body, path } = exchange
  if (path.startsWith("/.well-known/")) exchange.body = { ...Object(body), code_challenge_methods_supported: ["plain"] }
}

const noS256 = attack("code/server-without-s256", (client: Client) =>
  Effect.gen(function* () {
    const { provider } = yield* serving({ between: plainOnly })
    const { begin } = yield* client.signIn(optionsOf(provider))
    return yield* refused(begin(), { reason: "Rejected" })
  })
)

const declined = attack("code/declined", (client) =>
  Effect.gen(function* () {
    const { codes, provider } = yield* serving()
    const { begin, finish } = yield* client.signIn(optionsOf(provider))
    const transaction = yield* begin()
    const callback = yield* person().declines(transaction.url)
    const observed = yield* refused(finish(transaction, callback), { reason: "Rejected", error: "access_denied" })
    yield* holds(codes() === 0, "nothing is asked of the server then")
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
