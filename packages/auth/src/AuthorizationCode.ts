/**
 * The authorization code grant: somebody signs in with a browser, at the authorization server, and the client gets a token
 * in their name. With PKCE, but for a provider that refuses it (`OAuth2.ComplianceFixes`), and there is no other way than that.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest, TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import * as StepUp from "./StepUp.js"
import * as AuthorizationRequest from "./internal/authorizationCode/authorizationRequest.js"
import * as AuthorizationResponse from "./internal/authorizationCode/authorizationResponse.js"
import * as CodeExchange from "./internal/authorizationCode/codeExchange.js"
import { Transaction } from "./internal/authorizationCode/transaction.js"
import type { Options, SignInResult } from "./internal/authorizationCode/transaction.js"
import { makeUsed } from "./internal/authorizationCode/usedStates.js"
import type { Find } from "./internal/discovery/serverDiscovery.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import * as AuthorizationServer from "./internal/oauth/serverEndpoints.js"
import { apiOf } from "./internal/oauth/tokenAudience.js"
import * as Quirk from "./internal/response/complianceFixes.js"
import * as SignedInStore from "./internal/store/replaceToken.js"
import * as RefreshToken from "./RefreshToken.js"
import type * as TokenStore from "./TokenStore.js"

export type { Options, SignInResult } from "./internal/authorizationCode/transaction.js"
export { Transaction } from "./internal/authorizationCode/transaction.js"

/**
 * How long somebody may take to sign in.
 *
 * @since 0.1.0
 * @category defaults
 */
export const transactionLifetime: Duration.DurationInput = "10 minutes"

/**
 * Signing in, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Begins a sign-in, with further parameters for this one, and with what an API demands beyond the last one: its scopes
   * are asked for beside those of the options. Nothing is open: it ends by itself.
   */
  readonly start: (
    parameters?: Readonly<Record<string, string>>,
    demand?: StepUp.StepUpChallenge
  ) => Effect.Effect<Transaction, InvalidRequest | TokenError>
  /**
   * Ends it with what the browser came back with: the whole URL, which is compared with the redirect URI; or its
   * parameters alone, where a proxy has changed the address, or they came as a form.
   */
  readonly complete: (
    transaction: Transaction,
    callback: string | URL | URLSearchParams
  ) => Effect.Effect<SignInResult, TokenError>
}

const beginAnew = (detail: string): TokenError =>
  new TokenError({ reason: "ReauthorizationRequired", detail: `${detail}: begin another one` })

const another = new TokenError({
  reason: "InvalidResponse",
  detail: "the sign-in was begun at another issuer, or by another client, than this one: it is not used"
})

/**
 * Makes signing in. The server's metadata is fetched when it is first needed, and kept, so make it once.
 *
 * PKCE by S256 is used, but for `complianceFixes.pkce`; the code is taken only with the `state` of its transaction, from its issuer (`iss`), at its
 * redirect URI, within ten minutes and once by this process. With `openid` among the scopes, the ID token is believed only
 * with its issuer, audience, nonce (but for `complianceFixes.nonce`), times and its signature by one of the issuer's public keys:
 * `none` and HMAC are not accepted.
 *
 * Building it fails with `InvalidRequest` where the issuer or an endpoint is no https URL, the redirect URI is none of
 * those above, or the client's id or secret is empty. `begin` fails with `InvalidRequest` for parameters that are the
 * client's to set, and with `TokenError`: `Rejected` where the server has no S256, `InvalidResponse` where it names no
 * usable endpoint. `finish` fails with `TokenError`: `InvalidResponse` for an answer that is not the one to this sign-in,
 * and for an ID token that is not believed; `ReauthorizationRequired` for a transaction that is over, and a code that is
 * no longer good; `Rejected` where somebody declined (`error` is `access_denied`) or the server did; `Unavailable` where
 * it did not answer. A code is sent again only where it certainly has not left.
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
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const conversation = yield* Conversation.make(options)
    yield* AuthorizationServer.checked(options, conversation.insecure)
    yield* AuthorizationRequest.checkedReturn(options.redirectUri)
    const find = AuthorizationServer.make(conversation, options)
    return { start: beginning(options, conversation, find), complete: finishing(options, conversation, find) }
  })

const beginning =
  (options: Options, conversation: Conversation.Conversation, find: Find): Service["start"] =>
  (own, demand) =>
    Effect.gen(function* () {
      const { call, insecure } = conversation
      const { clientId: client, issuer, usePar = false, redirectUri, resource } = options
      const scopes = StepUp.mergeScopes(options.scopes ?? [], demand?.scopes ?? [])
      const further = { ...options.parameters, ...own, ...(demand && StepUp.toAuthorizationParameters(demand)) }
      const { maxAge } = yield* AuthorizationRequest.furtherOf(further)
      const openid = scopes.includes("openid")
      const server = yield* find(AuthorizationServer.signInNeeds("authorization_endpoint", openid, usePar))
      yield* AuthorizationServer.ready(server, { insecure, openid, pushed: usePar })
      const state = oauth.generateRandomState()
      const verifier = oauth.generateRandomCodeVerifier()
      const nonce = openid && !Quirk.isWithoutNonce(options) ? oauth.generateRandomNonce() : undefined
      const proven = Quirk.isWithoutPkce(options) ? undefined : verifier
      const asked = { redirectUri, scopes, complianceFixes: options.complianceFixes, resource, further }
      const request = { ...asked, state, nonce, verifier: proven }
      const parameters = yield* call((context) => AuthorizationRequest.parametersOf(request, context))
      const shown = AuthorizationServer.isPushed(server, usePar)
        ? yield* AuthorizationRequest.pushed(conversation, server, parameters)
        : parameters
      const url = AuthorizationRequest.urlOf(server, shown)
      const expiresAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(transactionLifetime)
      const bound = { issuer, client, redirectUri, verifier: Redacted.make(verifier) }
      const scope = demand === undefined ? undefined : scopes.join(" ") || undefined
      const without = openid && nonce === undefined ? { openid } : {}
      return new Transaction({ url, state, expiresAt, ...bound, nonce, ...without, scope, maxAge })
    })

const finishing = (options: Options, conversation: Conversation.Conversation, find: Find): Service["complete"] => {
  const used = makeUsed()
  return (transaction, callback) =>
    Effect.gen(function* () {
      const { client, expiresAt, issuer, nonce, redirectUri, state } = transaction
      if (issuer !== options.issuer || client !== options.clientId) return yield* another
      const parameters = yield* AuthorizationResponse.parametersOf(redirectUri, callback)
      // Somebody else's answer ends no sign-in: whoever waits for the right one goes on waiting.
      yield* AuthorizationResponse.belonging(parameters, state)
      const now = yield* Clock.currentTimeMillis
      if (now >= expiresAt) return yield* beginAnew("the sign-in took too long")
      const server = yield* find(AuthorizationServer.signInNeeds("authorization_endpoint", nonce !== undefined))
      if (!used.first(state, expiresAt, now)) return yield* beginAnew("the sign-in is over")
      yield* AuthorizationResponse.codeOf(parameters, server)
      return yield* CodeExchange.signIn(conversation, server, transaction, parameters, options)
    })
}

/**
 * Stores the token of somebody who has signed in, in the place of whatever was there, so that `RefreshToken.layer` with the
 * same options goes on with it.
 *
 * Fails with `TokenStoreError` where the store cannot be read or written.
 *
 * @param options - those that `RefreshToken.layer` is given: the client, the scopes, the resource or audience and, where the store holds
 * the tokens of several, the account.
 * @since 0.1.0
 * @category storing
 */
export const storeToken = (
  options: RefreshToken.Options,
  { token }: Pick<SignInResult, "token">
): Effect.Effect<void, TokenStoreError, TokenStore.TokenStore> => {
  const { account, clientId: client, issuer } = options
  const issued = { issuer, client, account, audience: apiOf(options) }
  return SignedInStore.put(RefreshToken.keyOf(options), { ...token, owner: issued })
}
