/** What the cases about somebody's sign-in have in common. */
import type { HttpClient } from "@effect/platform/HttpClient"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import type * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { InvalidRequest, TokenError, TokenStoreError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Client } from "./Client.js"
import { person } from "./Person.js"
import type { Provider } from "./Provider.js"
import { redirectUri, secret } from "./Provider.js"

/** A client of the server, with what every one of them here says. */
export const optionsOf = (
  { issuer }: Provider,
  more: Partial<AuthorizationCode.Options> = {}
): AuthorizationCode.Options => ({
  issuer,
  clientId: "web",
  clientSecret: Redacted.make(secret),
  redirectUri,
  scopes: ["openid", "read"],
  transport: OAuth2.dangerouslyAllowHttpOnLoopback,
  ...more
})

/** A sign-in of which the browser is back. */
export interface Begun extends AuthorizationCode.Service {
  readonly transaction: AuthorizationCode.Transaction
  readonly callback: URL
}

/** Begins a sign-in and goes through the pages of the server, up to what the browser comes back with. */
export const begun = (
  client: Client,
  options: AuthorizationCode.Options,
  changed: (url: URL) => void = () => undefined
): Effect.Effect<Begun, InvalidRequest | TokenError, HttpClient> =>
  Effect.gen(function* () {
    const service = yield* client.signIn(options)
    const transaction = yield* service.begin()
    const url = new URL(transaction.url)
    changed(url)
    const callback = new URL(yield* person().signsIn(url.href))
    return { ...service, transaction, callback }
  })

/** Signs somebody in. */
export const signedIn = (
  client: Client,
  options: AuthorizationCode.Options
): Effect.Effect<AuthorizationCode.SignedIn, InvalidRequest | TokenError, HttpClient> =>
  Effect.flatMap(begun(client, options), ({ callback, finish, transaction }) => finish(transaction, callback))

/** Somebody's token in use: its source, the API's client that sends it, and the store that it lives in. */
export interface Session {
  readonly source: TokenSource.Service
  readonly api: ApiClient.ApiClient
}

/** Puts a layer of tokens to use, at the API of the server. */
export const using = (
  issuer: string,
  layer: ReturnType<typeof RefreshToken.layer>,
  store: TokenStore.Service
): Effect.Effect<Session, InvalidRequest, HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const built = yield* Layer.build(Layer.provide(layer, Layer.succeed(TokenStore.TokenStore, store)))
    const api = yield* ApiClient.make({ baseUrl: issuer, auth: Context.get(built, Auth.Auth) })
    return { source: Context.get(built, TokenSource.TokenSource), api }
  })

/** Stores what signing in gave, as if its token had just expired where that is asked for, and goes on with it. */
export const session = (
  client: Client,
  options: AuthorizationCode.Options,
  { token }: AuthorizationCode.SignedIn,
  { expired = false } = {}
): Effect.Effect<Session, InvalidRequest | TokenStoreError, HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* TokenStore.makeMemory
    const now = yield* Clock.currentTimeMillis
    const stored = { token: { ...token, ...(expired && { expiresAt: now - 1000 }) } }
    yield* Effect.provideService(AuthorizationCode.store(options, stored), TokenStore.TokenStore, store)
    // The API is the server itself, which knows a token at once.
    return yield* using(options.issuer, client.refreshing({ ...options, settling: 0 }), store)
  })
