/** Sign-in and token use that several cases share. */
import type { HttpClient } from "@effect/platform/HttpClient"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import type * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { ApiError, InvalidRequest } from "@countersign/client/Errors"
import type { TokenError, TokenStoreError, TokenSourceError } from "@countersign/auth/Errors"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Client } from "./Client.js"
import { makeUserAgent } from "./UserAgent.js"
import type { Provider } from "./Provider.js"
import { redirectUri, secret } from "./Provider.js"

/** The options of a client of the server, as most cases need them. */
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

/** A started sign-in with the callback URL that the server redirected to. */
export interface StartedSignIn extends AuthorizationCode.Service {
  readonly transaction: AuthorizationCode.Transaction
  readonly callback: URL
}

/** Starts a sign-in and submits the server's pages, up to the callback. `changed` can edit the authorization URL. */
export const startSignIn = (
  client: Client,
  options: AuthorizationCode.Options,
  changed: (url: URL) => void = () => undefined
): Effect.Effect<StartedSignIn, InvalidRequest | TokenError, HttpClient> =>
  Effect.gen(function* () {
    const service = yield* client.signIn(options)
    const transaction = yield* service.start()
    const url = new URL(transaction.url)
    changed(url)
    const callback = new URL(yield* makeUserAgent().signIn(url.href))
    return { ...service, transaction, callback }
  })

/** Signs a user in. */
export const signIn = (
  client: Client,
  options: AuthorizationCode.Options
): Effect.Effect<AuthorizationCode.SignInResult, InvalidRequest | TokenError, HttpClient> =>
  Effect.flatMap(startSignIn(client, options), ({ callback, complete, transaction }) => complete(transaction, callback))

/** A token in use: its source, and the API client that sends it. */
export interface Session {
  readonly source: TokenSource.Service
  readonly api: ApiClient.ApiClient<ApiError | TokenSourceError>
}

/** Builds a layer of tokens over a store, with a client of the server's API. */
export const makeSession = (
  issuer: string,
  layer: ReturnType<typeof RefreshToken.layer>,
  store: TokenStore.Service
): Effect.Effect<Session, InvalidRequest, HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const built = yield* Layer.build(Layer.provide(layer, Layer.succeed(TokenStore.TokenStore, store)))
    const api = yield* ApiClient.make({ baseUrl: issuer, auth: Context.get(built, Auth.tag<TokenSourceError>()) })
    return { source: Context.get(built, TokenSource.TokenSource), api }
  })

/** Stores the token of a sign-in, already expired if `expired` is set, and returns a session with it. */
export const session = (
  client: Client,
  options: AuthorizationCode.Options,
  { token }: AuthorizationCode.SignInResult,
  { expired = false } = {}
): Effect.Effect<Session, InvalidRequest | TokenStoreError, HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* TokenStore.makeMemory
    const now = yield* Clock.currentTimeMillis
    const stored = { token: { ...token, ...(expired && { expiresAt: now - 1000 }) } }
    yield* Effect.provideService(AuthorizationCode.storeToken(options, stored), TokenStore.TokenStore, store)
    // The API is the server itself, so a new token is valid at once.
    return yield* makeSession(options.issuer, client.refreshing({ ...options, propagationDelay: 0 }), store)
  })
