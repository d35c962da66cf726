/**
 * Token exchange: with a token of somebody, a client gets another one in their name, for another API or with less scope.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest, TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as InTheirName from "./internal/grants/delegatedGrant.js"
import type { ExchangedToken, Options, SubjectToken } from "./internal/grants/tokenExchange.js"
import * as Exchange from "./internal/grants/tokenExchange.js"
import * as Configured from "./internal/oauth/optionsFromConfig.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import type * as OAuth2 from "./OAuth2.js"
import type { Token } from "./Token.js"
import type * as TokenSource from "./TokenSource.js"
import type * as TokenStore from "./TokenStore.js"

export type { ExchangedToken, Options, SubjectToken } from "./internal/grants/tokenExchange.js"

/**
 * The names of types of tokens.
 *
 * Specification: [RFC 8693 §3](https://www.rfc-editor.org/rfc/rfc8693#section-3).
 *
 * @since 0.1.0
 * @category constants
 */
export const tokenTypes: {
  readonly accessToken: "urn:ietf:params:oauth:token-type:access_token"
  readonly refreshToken: "urn:ietf:params:oauth:token-type:refresh_token"
  readonly idToken: "urn:ietf:params:oauth:token-type:id_token"
  readonly saml1: "urn:ietf:params:oauth:token-type:saml1"
  readonly saml2: "urn:ietf:params:oauth:token-type:saml2"
  readonly jwt: "urn:ietf:params:oauth:token-type:jwt"
} = Exchange.tokenTypes

/**
 * Exchanges tokens, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly exchange: (subject: SubjectToken) => Effect.Effect<ExchangedToken, TokenError>
}

const actorOf = <R>({ actor }: Options<R>): Effect.Effect<SubjectToken | undefined, TokenError, R> =>
  Effect.isEffect(actor) ? InTheirName.within("the token of the actor", actor) : Effect.succeed(actor)

const exchanging =
  <R>(conversation: Conversation.Conversation, options: Options<R>) =>
  (subject: SubjectToken): Effect.Effect<ExchangedToken, TokenError, R> =>
    Effect.flatMap(actorOf(options), (actor) => Exchange.exchange(conversation, options, subject, actor))

/**
 * Makes the conversation in which a server exchanges the tokens of its many users. Each call asks the authorization server:
 * nothing is remembered. A server that calls much in the name of the same users gives each a `TokenSource` that gets its
 * tokens by this, in an `RcMap`, say, whose keys are the users' sessions.
 *
 * Fails with `InvalidRequest` as `OAuth2.make` does. An exchange fails with `TokenError`: `Rejected` for an OAuth error, of
 * which `invalid_request` and `invalid_grant` mostly mean that the token of the subject or of the actor is no longer good,
 * and `invalid_target` that there is no such API for them; `InvalidResponse` where the server has issued something
 * else than was asked for (a missing `issued_token_type` is the requested type); and as the actor fails, with `Rejected` where that has to sign in. No
 * error shows a token.
 *
 * Specification: [RFC 8693 §2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.1),
 * [§2.2](https://www.rfc-editor.org/rfc/rfc8693#section-2.2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(
  options: Options<R>
): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient | R> =>
  Effect.zipWith(Conversation.make(options), Effect.context<R>(), (conversation, context) => ({
    exchange: (subject) => Effect.provide(exchanging(conversation, options)(subject), context)
  }))

/**
 * The access token of a source as the subject of an exchange: the one that is current when it is asked for.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSource = (source: TokenSource.Service): Effect.Effect<SubjectToken, TokenError | TokenStoreError> =>
  Effect.map(source.get, ({ token }) => ({ token: token.accessToken, type: tokenTypes.accessToken }))

/**
 * The client, what it asks for, and in whose name.
 *
 * @since 0.1.0
 * @category models
 */
export interface LayerOptions<R = never> extends Options<R>, TokenSource.RefreshOptions {
  /** Asked anew for each exchange. It is always to be the same person's: a layer has one token. */
  readonly subject: Effect.Effect<SubjectToken, TokenError | TokenStoreError, R>
  /**
   * Whose token it is: a name of one's own choice, under which the store keeps it, so that other processes and later runs
   * have it, too. Without, nothing would tell one subject's token from another's there: it stays in the memory of this
   * layer.
   */
  readonly account?: string | undefined
}

const notPresentable = new TokenError({
  reason: "InvalidResponse",
  detail: `the token is none to be presented to an API (token_type "N_A", or issued_token_type): get it with make, and use it as what it is`
})

const acquireToken = <R>(
  conversation: Conversation.Conversation,
  options: LayerOptions<R>
): Effect.Effect<Token, TokenError, R> =>
  InTheirName.within("the token of the subject", options.subject).pipe(
    Effect.flatMap(exchanging(conversation, options)),
    Effect.flatMap(({ issuedTokenType, ...token }) =>
      token.tokenType === Exchange.notApplicable || !Exchange.isForAccess(issuedTokenType)
        ? Effect.fail(notPresentable)
        : Effect.succeed(token)
    )
  )

/**
 * Authenticates with tokens that are got in exchange for those of one subject, and replaced when they are about to expire
 * or are refused. A refresh token that comes along is not kept: the subject is asked each time, and when it has ended, what
 * was got in its name ends soon after.
 *
 * Claims that an API wants to see (continuous access) are asked for with the exchange, once.
 *
 * In the {@link TokenStore.TokenStore} a token is filed by issuer, client, account, scopes, and a hash of what else it was
 * asked for with, in which no token goes.
 *
 * Building it fails with `InvalidRequest` as {@link make} does. Signing fails with `TokenError` as {@link make} tells, also
 * where the server says that the token is none to be presented, and with `TokenStoreError`. A subject that has to sign in
 * again is told by `Rejected`; who has signed in is asked for again after 30 seconds at most.
 *
 * Specification: [RFC 8693 §2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.1),
 * [§2.2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1).
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  options: LayerOptions<R>
): Layer.Layer<
  Auth.Auth | TokenSource.TokenSource,
  InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
> =>
  Layer.unwrapEffect(
    Effect.map(Conversation.make(options), (conversation) => {
      const { account, actor, audience, parameters, requestedTokenType, resource } = options
      return InTheirName.layer(options, conversation, {
        type: Exchange.grantType,
        account,
        audience: audience ?? resource,
        asked: { resource, audience, requestedTokenType, parameters, delegated: actor !== undefined },
        acquireToken: (parameters) =>
          acquireToken(conversation, { ...options, parameters: { ...options.parameters, ...parameters } })
      })
    })
  )

/**
 * {@link layer}, of which any option may come from the configuration.
 *
 * Building it fails with `ConfigError`, too, where the configuration lacks one.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <R = never>(
  options: OAuth2.OrConfig<LayerOptions<R>>
): Layer.Layer<
  Auth.Auth | TokenSource.TokenSource,
  ConfigError | InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
> => Layer.unwrapEffect(Effect.map(Configured.read<LayerOptions<R>>(options), (read) => layer(read)))
