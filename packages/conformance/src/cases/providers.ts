/** Sign-in, refresh and sign-out at each provider, simulated by the profiles of `OAuthServer`. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { Profile } from "@countersign/testing/OAuthServer"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Struct from "effect/Struct"
import type { Case } from "../Case.js"
import { succeeds, CaseFailed } from "../Case.js"
import { expectThat, expectTokenError, textOf } from "../Checks.js"
import type { Client } from "../Client.js"
import { clientId, clients, redirectUri, secret } from "../ProviderClients.js"

/** A running provider, and a client that is configured for it. */
interface ProviderSetup {
  readonly profile: Profile
  readonly server: OAuthServer.Service
  readonly client: Client
  readonly options: AuthorizationCode.Options & { readonly revocationEndpoint?: string }
  readonly store: TokenStore.Service
}

/** The URL that the user is sent back to. */
const callbackOf = (url: string): Effect.Effect<string, CaseFailed, HttpClient.HttpClient> =>
  HttpClient.get(url).pipe(
    Effect.flatMap(({ headers, status }) =>
      headers["location"] === undefined
        ? new CaseFailed({ message: `the authorization endpoint answered ${status}` })
        : Effect.succeed(headers["location"])
    ),
    Effect.catchTags({
      RequestError: () => new CaseFailed({ message: "the authorization endpoint does not respond" }),
      ResponseError: () => new CaseFailed({ message: "the authorization endpoint does not respond" })
    })
  )

const begun = ({ client, options }: ProviderSetup) =>
  Effect.gen(function* () {
    const service = yield* client.signIn(options)
    const transaction = yield* service.start()
    return { ...service, transaction, callback: yield* callbackOf(transaction.url) }
  })

/** Signs in and stores the token. */
const signedIn = (setup: ProviderSetup) =>
  Effect.gen(function* () {
    const { callback, complete, transaction } = yield* begun(setup)
    const done = yield* complete(transaction, callback)
    const isIdentified = setup.options.scopes?.includes("openid") === true
    yield* expectThat(!isIdentified || done.claims?.["sub"] === "user", "the ID token names the user")
    yield* AuthorizationCode.storeToken(setup.options, done)
    return done
  })

const sourceOf = ({ client, options, store }: ProviderSetup) =>
  Effect.map(
    Layer.build(
      Layer.provide(client.refreshing({ ...options, propagationDelay: 0 }), Layer.succeed(TokenStore.TokenStore, store))
    ),
    (built) => Context.get(built, TokenSource.TokenSource)
  )

/** Gets another token, as after a 401. */
const renewed = (source: TokenSource.Service) =>
  Effect.gen(function* () {
    const old = yield* source.get
    yield* source.onRejected(old.generation)
    const held = yield* source.get
    yield* expectThat(textOf(held.token) !== textOf(old.token), "a refresh gives another access token")
    return held.token
  })

const stored = ({ options, store }: ProviderSetup) =>
  Effect.map(store.get(RefreshToken.keyOf(options)), Option.getOrUndefined)

/** Two refreshes: which refresh tokens were sent, and the newest one is in the store. */
const refreshedTwice = (setup: ProviderSetup, source: TokenSource.Service) =>
  Effect.gen(function* () {
    const { profile, server } = setup
    yield* renewed(source)
    const { accessToken } = yield* renewed(source)
    const family = yield* server.findFamily(Redacted.value(accessToken))
    const calls = (yield* server.calls).filter(({ grantType }) => grantType === "refresh_token")
    const presented = calls.map(({ outcome, presented }) => `${outcome} ${presented?.number ?? "none"}`)
    const expected = profile.refresh === "rotates" ? ["refreshed 0", "refreshed 1"] : ["refreshed 0", "refreshed 0"]
    const sent = presented.filter((call) => call.startsWith("refreshed"))
    yield* expectThat(
      JSON.stringify(sent) === JSON.stringify(expected),
      `the refresh tokens sent are ${expected.join(", ")}`
    )
    yield* expectThat(family !== undefined && family.ended === undefined, "the access token is valid at the provider")
    return family?.id ?? -1
  })

/** A refresh with a revoked refresh token. */
const rejectedRefresh = ({ server }: ProviderSetup, source: TokenSource.Service, family: number) =>
  Effect.gen(function* () {
    yield* server.revokeFamily(family)
    return yield* expectTokenError(
      Effect.flatMap(source.get, ({ generation }) => source.onRejected(generation)),
      {
        reason: "ReauthorizationRequired",
        secrets: ["canary"]
      }
    )
  })

/** A code that was used, for a provider without refresh tokens. */
const rejectedCode = (setup: ProviderSetup) =>
  Effect.gen(function* () {
    const { callback, complete, transaction } = yield* begun(setup)
    yield* complete(transaction, callback)
    // Another process does not know that the code was used.
    const otherClient = yield* setup.client.signIn(setup.options)
    const before = yield* setup.server.tokenCalls
    const observed = yield* expectTokenError(otherClient.complete(transaction, callback), {
      reason: "ReauthorizationRequired",
      secrets: ["canary"]
    })
    yield* expectThat((yield* setup.server.tokenCalls) === before + 1, "the provider rejects the code")
    return observed
  })

/** Without refresh tokens an access token that the API rejects needs a sign-in, and nothing is sent. */
const withoutRefresh = (setup: ProviderSetup, source: TokenSource.Service) =>
  Effect.gen(function* () {
    const { generation } = yield* source.get
    yield* expectTokenError(source.onRejected(generation), { reason: "ReauthorizationRequired" })
    yield* expectThat((yield* setup.server.refreshCalls) === 0, "no refresh is sent")
    return yield* rejectedCode(setup)
  })

/** Signs out. Without a revocation endpoint the store is emptied, and the error says so. */
const signedOut = (setup: ProviderSetup) =>
  Effect.gen(function* () {
    const { client, options, profile, server } = setup
    const { token } = yield* signedIn(setup)
    const text = Redacted.value(token.refreshToken ?? token.accessToken)
    const before = (yield* server.requests).length
    const out = client.signOut(options)
    if (profile.endpoints.revocation !== undefined) {
      yield* out
      const family = yield* server.findFamily(text)
      yield* expectThat(family?.ended !== undefined, "the refresh token is revoked at the provider")
    } else {
      yield* expectTokenError(out, { reason: "InvalidResponse" })
      const posted = (yield* server.requests).slice(before).filter(({ method }) => method === "POST")
      yield* expectThat(posted.length === 0, "no token is sent")
    }
    yield* expectThat((yield* stored(setup)) === undefined, "the store is empty")
    return profile.endpoints.revocation === undefined ? "sign-out empties the store" : "sign-out revokes the token"
  })

const user = (setup: ProviderSetup) =>
  Effect.gen(function* () {
    yield* signedIn(setup)
    const source = yield* sourceOf(setup)
    const refreshes =
      setup.profile.refresh === "none"
        ? `no refresh tokens, a used code ${yield* withoutRefresh(setup, source)}`
        : `two refreshes, a revoked refresh token ${yield* rejectedRefresh(setup, source, yield* refreshedTwice(setup, source))}`
    return `sign-in, ${refreshes}, ${yield* signedOut(setup)}`
  })

/** A provider without users: two tokens, a wrong secret, and revocation. */
const service = ({ client, options, server, store }: ProviderSetup) =>
  Effect.gen(function* () {
    const layer = client.service({ ...options, propagationDelay: 0 })
    const built = yield* Layer.build(Layer.provide(layer, Layer.succeed(TokenStore.TokenStore, store)))
    const source = Context.get(built, TokenSource.TokenSource)
    const token = yield* renewed(source)
    const wrong = yield* client.conversation({ ...options, clientSecret: Redacted.make("canary-wrong") })
    const expected = { reason: "Rejected", error: "invalid_client", secrets: ["canary"] } as const
    const observed = yield* expectTokenError(wrong.clientCredentials({}), expected)
    const { revoke } = yield* client.revocation(options)
    yield* revoke(token.accessToken)
    const { status } = yield* HttpClient.get(server.resource, {
      headers: { authorization: `Bearer ${textOf(token)}` }
    }).pipe(Effect.orDie)
    yield* expectThat(status === 401, "the token is revoked at the provider")
    return `two tokens, no refresh tokens, a wrong secret ${observed}, revocation`
  })

const run = (name: keyof typeof OAuthServer.profiles, client: Client) =>
  Effect.gen(function* () {
    const profile = OAuthServer.profiles[name]
    const registered = { [clientId]: { secret, redirectUris: [redirectUri] } }
    const built = yield* Layer.build(OAuthServer.layerMemory({ profile, clients: registered }))
    const { revocation } = profile.endpoints
    const options = {
      ...clients[name](profile),
      redirectUri,
      ...(revocation !== undefined && { revocationEndpoint: revocation })
    }
    const store = yield* TokenStore.makeMemory
    const setup = { profile, server: Context.get(built, OAuthServer.OAuthServer), client, options, store }
    const life = profile.grant === "client_credentials" ? service(setup) : user(setup)
    return yield* life.pipe(
      Effect.provideService(HttpClient.HttpClient, client.http(Context.get(built, HttpClient.HttpClient))),
      Effect.provideService(TokenStore.TokenStore, store)
    )
  })

export const providers: ReadonlyArray<Case> = Struct.keys(OAuthServer.profiles).map((name) =>
  succeeds(OAuthServer.profiles[name].name, (client) => run(name, client))
)
