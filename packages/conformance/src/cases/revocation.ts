/** Token revocation (RFC 7009) and sign-out. */
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import type { Token } from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError } from "../Checks.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import { optionsOf, signIn } from "../Session.js"

/** A signed-in user with stored tokens. */
const present = (client: Client) =>
  Effect.gen(function* () {
    const clients = [Provider.registered("web"), Provider.registered("other")]
    const provider = yield* Provider.make({ configuration: { clients } })
    const options = optionsOf(provider)
    const done = yield* signIn(client, options)
    const store = yield* TokenStore.makeMemory
    yield* Effect.provideService(AuthorizationCode.storeToken(options, done), TokenStore.TokenStore, store)
    const isThere = Effect.map(store.get(RefreshToken.keyOf(options)), Option.isSome)
    const signOut = Effect.provideService(client.signOut(options), TokenStore.TokenStore, store)
    const { introspect } = yield* client.introspection(options)
    const isGood = (token: Redacted.Redacted<string>) => Effect.map(introspect(token), ({ active }) => active)
    return { provider, options, token: done.token, isThere, isGood, signOut }
  })

const refreshTokenOf = ({ refreshToken = Redacted.make("none") }: Token) => refreshToken

const family = succeeds("revocation/refresh-token", (client) =>
  Effect.gen(function* () {
    const { isGood, options, token } = yield* present(client)
    const { revoke } = yield* client.revocation(options)
    yield* revoke(refreshTokenOf(token), "refresh_token")
    yield* expectThat(!(yield* isGood(token.accessToken)), "the access token is revoked, too")
    const { refresh } = yield* client.conversation(options)
    const dead = { reason: "ReauthorizationRequired", error: "invalid_grant" } as const
    yield* expectTokenError(refresh(refreshTokenOf(token)), dead)
    yield* revoke(refreshTokenOf(token), "refresh_token")
    return "both tokens are revoked; revoking them again succeeds"
  })
)

const others = rejects("revocation/by-another-client", (client) =>
  Effect.gen(function* () {
    const { isGood, options, token } = yield* present(client)
    const { revoke } = yield* client.revocation({ ...options, clientId: "other" })
    const observed = yield* expectTokenError(revoke(token.accessToken), { reason: "Rejected" })
    yield* expectThat(yield* isGood(token.accessToken), "the token is still valid")
    return observed
  })
)

const signOut = succeeds("revocation/sign-out", (client) =>
  Effect.gen(function* () {
    const { isGood, isThere, signOut, token } = yield* present(client)
    yield* expectThat(yield* isThere, "a token is stored")
    yield* signOut
    yield* expectThat(!(yield* isThere), "the token is removed from the store")
    const left = yield* Effect.filter([token.accessToken, refreshTokenOf(token)], isGood)
    yield* expectThat(left.length === 0, "both tokens are invalid")
    return "removed from the store, and revoked at the server"
  })
)

const away = rejects("revocation/sign-out-without-the-server", (client) =>
  Effect.gen(function* () {
    const { isThere, provider, signOut } = yield* present(client)
    yield* provider.stop
    const observed = yield* expectTokenError(signOut, { reason: "Unavailable" })
    yield* expectThat(!(yield* isThere), "the token is removed from the store nevertheless")
    return `${observed}; removed from the store nevertheless`
  })
)

export const revocation: ReadonlyArray<Case> = [family, others, signOut, away]
