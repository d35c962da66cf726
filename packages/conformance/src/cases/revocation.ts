/** Tokens that are ended before their time. */
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import type { Token } from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds, refused } from "../Checks.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import { optionsOf, signedIn } from "../Session.js"

/** Somebody who has signed in, whose tokens are in a store. */
const present = (client: Client) =>
  Effect.gen(function* () {
    const clients = [Provider.registered("web"), Provider.registered("other")]
    const provider = yield* Provider.make({ configuration: { clients } })
    const options = optionsOf(provider)
    const done = yield* signedIn(client, options)
    const store = yield* TokenStore.makeMemory
    yield* Effect.provideService(AuthorizationCode.store(options, done), TokenStore.TokenStore, store)
    const isThere = Effect.map(store.get(RefreshToken.keyOf(options)), Option.isSome)
    const signOut = Effect.provideService(client.signOut(options), TokenStore.TokenStore, store)
    const { introspect } = yield* client.introspection(options)
    const isGood = (token: Redacted.Redacted<string>) => Effect.map(introspect(token), ({ active }) => active)
    return { provider, options, token: done.token, isThere, isGood, signOut }
  })

const refreshTokenOf = ({ refreshToken = Redacted.make("none") }: Token) => refreshToken

const family = works("revocation/refresh-token", (client) =>
  Effect.gen(function* () {
    const { isGood, options, token } = yield* present(client)
    const { revoke } = yield* client.revocation(options)
    yield* revoke(refreshTokenOf(token), "refresh_token")
    yield* holds(!(yield* isGood(token.accessToken)), "the access token has ended with it")
    const { refresh } = yield* client.conversation(options)
    const dead = { reason: "ReauthorizationRequired", error: "invalid_grant" } as const
    yield* refused(refresh(refreshTokenOf(token)), dead)
    yield* revoke(refreshTokenOf(token), "refresh_token")
    return "both tokens have ended; to end them again is no failure"
  })
)

const others = attack("revocation/by-another-client", (client) =>
  Effect.gen(function* () {
    const { isGood, options, token } = yield* present(client)
    const { revoke } = yield* client.revocation({ ...options, clientId: "other" })
    const observed = yield* refused(revoke(token.accessToken), { reason: "Rejected" })
    yield* holds(yield* isGood(token.accessToken), "the token lives on")
    return observed
  })
)

const signOut = works("revocation/sign-out", (client) =>
  Effect.gen(function* () {
    const { isGood, isThere, signOut, token } = yield* present(client)
    yield* holds(yield* isThere, "somebody is signed in")
    yield* signOut
    yield* holds(!(yield* isThere), "nobody is signed in on this machine")
    const left = yield* Effect.filter([token.accessToken, refreshTokenOf(token)], isGood)
    yield* holds(left.length === 0, "neither of the tokens is good")
    return "gone from the store, and ended at the server"
  })
)

const away = attack("revocation/sign-out-without-the-server", (client) =>
  Effect.gen(function* () {
    const { isThere, provider, signOut } = yield* present(client)
    yield* provider.stop
    const observed = yield* refused(signOut, { reason: "Unavailable" })
    yield* holds(!(yield* isThere), "nobody is signed in on this machine all the same")
    return `${observed}; gone from the store all the same`
  })
)

export const revocation: ReadonlyArray<Case> = [family, others, signOut, away]
