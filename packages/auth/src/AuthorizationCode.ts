/**
 * The authorization code grant (RFC 6749 §4.1): a user signs in with a browser, and the client gets a token for that user.
 *
 * PKCE (RFC 7636) is always used, except for a provider that rejects it (`OAuth2.ComplianceFixes`).
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import { ExpiringMap } from "@countersign/client/ExpiringMap"
import type { TokenStoreError } from "./Errors.js"
import { TokenError } from "./Errors.js"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import * as StepUp from "./StepUp.js"
import * as AuthorizationRequest from "./internal/authorizationCode/authorizationRequest.js"
import * as AuthorizationResponse from "./internal/authorizationCode/authorizationResponse.js"
import * as CodeExchange from "./internal/authorizationCode/codeExchange.js"
import { requireWebCrypto } from "./internal/hash/webCrypto.js"
import { Transaction } from "./internal/authorizationCode/transaction.js"
import type { Options, SignInResult } from "./internal/authorizationCode/transaction.js"
import type { Find } from "./internal/discovery/metadataCache.js"
import type * as ServerClient from "./internal/oauth/serverClient.js"
import * as ServerEndpoints from "./internal/oauth/serverEndpoints.js"
import * as SharedServer from "./internal/oauth/sharedServer.js"
import { audienceOf } from "./internal/oauth/tokenAudience.js"
import * as Fixes from "./internal/response/complianceFixes.js"
import * as ReplaceToken from "./internal/store/replaceToken.js"
import * as RefreshToken from "./RefreshToken.js"
import type * as TokenStore from "./TokenStore.js"

export type { Options, SignInResult } from "./internal/authorizationCode/transaction.js"
export { Transaction } from "./internal/authorizationCode/transaction.js"

/**
 * How long a user may take to sign in.
 *
 * @since 0.1.0
 * @category defaults
 */
export const transactionLifetime: Duration.DurationInput = "10 minutes"

/**
 * Starts and completes the sign-ins of users, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Starts a sign-in. Open the `url` of the transaction in the user's browser.
   *
   * `parameters` are added to the authorization request. `demand` is the step-up challenge of an API: its scopes are
   * requested beside those of the options. An abandoned sign-in needs no cleanup.
   */
  readonly start: (
    parameters?: Readonly<Record<string, string>>,
    demand?: StepUp.StepUpChallenge
  ) => Effect.Effect<Transaction, InvalidRequest | TokenError>
  /**
   * Completes a sign-in with the callback that the browser requested, and gets the token.
   *
   * Pass the whole URL to have it compared with the redirect URI. Pass its parameters alone if a proxy has changed the
   * address, or if they were sent as a form.
   */
  readonly complete: (
    transaction: Transaction,
    callback: string | URL | URLSearchParams
  ) => Effect.Effect<SignInResult, TokenError>
}

const reauthorize = (detail: string): TokenError =>
  new TokenError({ reason: "ReauthorizationRequired", detail: `${detail}. Start a new sign-in.` })

const wrongClient = new TokenError({
  reason: "InvalidResponse",
  detail: "the transaction belongs to another issuer or client. Complete it with the options that started it."
})

/**
 * Makes the service that signs users in. Make it once: it fetches the server's metadata at first use, and caches it.
 *
 * How a sign-in is protected:
 *
 * - PKCE with S256 is used, except with `complianceFixes: { pkce: false }`.
 * - The code is accepted only with the `state` of its transaction, from its issuer (`iss`), and at its redirect URI.
 * - The code is accepted within ten minutes, and only once by this process.
 * - With `openid` among the scopes, the issuer, audience, nonce, times and signature of the ID token are validated. The
 *   nonce is not validated with `complianceFixes: { nonce: false }`. The key must be a public key of the issuer: `none` and
 *   HMAC are not accepted.
 *
 * Building the service fails with `InvalidRequest`:
 *
 * - if the issuer or an endpoint is not an https URL
 * - if `redirectUri` is not allowed
 * - if the client's id or secret is empty
 *
 * `start` fails with `InvalidRequest` for parameters that only the client may set, and with `TokenError`:
 *
 * - `Rejected` if the server does not support S256
 * - `InvalidResponse` if the metadata names no usable endpoint
 *
 * `complete` fails with `TokenError`:
 *
 * - `InvalidResponse` for a callback of another sign-in, and for an invalid ID token
 * - `ReauthorizationRequired` for a transaction that has expired or was used, and for a code that is no longer valid
 * - `Rejected` if the user declined (`error` is `access_denied`) or the server rejected the request
 * - `Unavailable` if the server did not answer
 *
 * A code is sent again only if the first request was certainly not sent.
 *
 * Specification: [RFC 6749 §4.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1),
 * [RFC 7636 §4](https://www.rfc-editor.org/rfc/rfc7636#section-4),
 * [RFC 9207 §2.4](https://www.rfc-editor.org/rfc/rfc9207#section-2.4),
 * [RFC 9126 §2](https://www.rfc-editor.org/rfc/rfc9126#section-2),
 * [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2),
 * [RFC 9449 §10](https://www.rfc-editor.org/rfc/rfc9449#section-10),
 * [RFC 9700 §2.1](https://www.rfc-editor.org/rfc/rfc9700#section-2.1),
 * [OpenID Connect Core §3.1](https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const program = Effect.gen(function* () {
 *   const signIn = yield* AuthorizationCode.make({
 *     issuer: "https://auth.example.com",
 *     clientId: "web",
 *     clientSecret: Redacted.make("secret"),
 *     scopes: ["openid", "read"],
 *     redirectUri: "https://app.example.com/callback"
 *   })
 *   const transaction = yield* signIn.start()
 *   return transaction.url
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const conversation = yield* SharedServer.connect(options)
    yield* ServerEndpoints.validateOverrides(options, conversation.insecure)
    yield* AuthorizationRequest.validateRedirectUri(options.redirectUri)
    const find = ServerEndpoints.make(conversation, options)
    return { start: makeStart(options, conversation, find), complete: makeComplete(options, conversation, find) }
  })

const makeStart =
  (options: Options, conversation: ServerClient.ServerClient, find: Find): Service["start"] =>
  (own, demand) =>
    Effect.gen(function* () {
      const isWithPkce = !Fixes.isWithoutPkce(options)
      if (isWithPkce) yield* requireWebCrypto
      const { call, insecure } = conversation
      const { clientId: client, issuer, usePar = false, redirectUri, resource } = options
      const scopes = StepUp.mergeScopes(options.scopes ?? [], demand?.scopes ?? [])
      const further = { ...options.parameters, ...own, ...(demand && StepUp.toAuthorizationParameters(demand)) }
      const { maxAge } = yield* AuthorizationRequest.validateExtraParameters(further)
      const openid = scopes.includes("openid")
      const server = yield* find(ServerEndpoints.signInNeeds("authorization_endpoint", openid, usePar))
      yield* ServerEndpoints.requireAuthorizationSupport(server, { insecure, openid, pushed: usePar })
      const state = oauth.generateRandomState()
      const verifier = oauth.generateRandomCodeVerifier()
      const nonce = openid && !Fixes.isWithoutNonce(options) ? oauth.generateRandomNonce() : undefined
      const proven = isWithPkce ? verifier : undefined
      const asked = { redirectUri, scopes, complianceFixes: options.complianceFixes, resource, further }
      const request = { ...asked, state, nonce, verifier: proven }
      const parameters = yield* call((context) => AuthorizationRequest.parametersOf(request, context))
      const shown = ServerEndpoints.isPushed(server, usePar)
        ? yield* AuthorizationRequest.pushRequest(conversation, server, parameters)
        : parameters
      const url = AuthorizationRequest.urlOf(server, shown)
      const expiresAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(transactionLifetime)
      const bound = { issuer, client, redirectUri, verifier: Redacted.make(verifier) }
      const scope = demand === undefined ? undefined : scopes.join(" ") || undefined
      const without = openid && nonce === undefined ? { openid } : {}
      return new Transaction({ url, state, expiresAt, ...bound, nonce, ...without, scope, maxAge })
    })

/** Only a client with many sessions could fill the map. The server still rejects the used code of an evicted state. */
const maxUsedStates = 10_000

const makeComplete = (options: Options, conversation: ServerClient.ServerClient, find: Find): Service["complete"] => {
  const used = new ExpiringMap<true>(maxUsedStates)
  return (transaction, callback) =>
    Effect.gen(function* () {
      const { client, expiresAt, issuer, nonce, redirectUri, state } = transaction
      if (issuer !== options.issuer || client !== options.clientId) return yield* wrongClient
      const parameters = yield* AuthorizationResponse.parametersOf(redirectUri, callback)
      // The callback of another sign-in does not use up this transaction: its own callback may still come.
      yield* AuthorizationResponse.validateState(parameters, state)
      const now = yield* Clock.currentTimeMillis
      if (now >= expiresAt) return yield* reauthorize("the sign-in took longer than 10 minutes")
      const server = yield* find(ServerEndpoints.signInNeeds("authorization_endpoint", nonce !== undefined))
      if (used.get(state, now) !== undefined) return yield* reauthorize("the transaction was already used")
      used.set(state, true, expiresAt, now)
      yield* AuthorizationResponse.codeOf(parameters, server)
      return yield* CodeExchange.signIn(conversation, server, transaction, parameters, options)
    })
}

/**
 * Stores the token of a user after the sign-in, so that `RefreshToken.layer` with the same options uses it.
 *
 * It replaces the stored record. Fails with `TokenStoreError` if the store cannot be read or written.
 *
 * @param options - the options of `RefreshToken.layer`: the client, the scopes, and the resource or audience. Add the
 * account if the store contains the tokens of several users.
 * @since 0.1.0
 * @category storing
 */
export const storeToken = (
  options: RefreshToken.Options,
  { token }: Pick<SignInResult, "token">
): Effect.Effect<void, TokenStoreError, TokenStore.TokenStore> => {
  const { account, clientId: client, issuer } = options
  const issued = { issuer, client, account, audience: audienceOf(options) }
  return ReplaceToken.put(RefreshToken.keyOf(options), { ...token, owner: issued })
}
