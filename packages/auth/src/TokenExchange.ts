/**
 * Token exchange (RFC 8693): exchanges a token of a user for another one, for another API or with fewer scopes.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Auth from "@countersign/client/Auth"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenSourceError, TokenStoreError } from "./Errors.js"
import { TokenError } from "./Errors.js"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as DelegatedGrant from "./internal/grants/delegatedGrant.js"
import { asSubjectError } from "./internal/grants/subjectError.js"
import type { ExchangedToken, Options, SubjectToken } from "./internal/grants/tokenExchange.js"
import * as Exchange from "./internal/grants/tokenExchange.js"
import type * as ServerClient from "./internal/oauth/serverClient.js"
import * as SharedServer from "./internal/oauth/sharedServer.js"
import type * as OAuth2 from "./OAuth2.js"
import type { Token } from "./Token.js"
import type * as TokenSource from "./TokenSource.js"
import type * as TokenStore from "./TokenStore.js"

export type { ExchangedToken, Options, SubjectToken } from "./internal/grants/tokenExchange.js"

/**
 * Token type identifiers of RFC 8693.
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
 * Service that exchanges tokens, made by {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Exchanges the token of a subject for another token. */
  readonly exchange: (subject: SubjectToken) => Effect.Effect<ExchangedToken, TokenError>
}

const actorOf = <R>({ actor }: Options<R>): Effect.Effect<SubjectToken | undefined, TokenError, R> =>
  Effect.isEffect(actor) ? asSubjectError("the token of the actor", actor) : Effect.succeed(actor)

const makeExchange =
  <R>(conversation: ServerClient.ServerClient, options: Options<R>) =>
  (subject: SubjectToken): Effect.Effect<ExchangedToken, TokenError, R> =>
    Effect.flatMap(actorOf(options), (actor) => Exchange.exchange(conversation, options, subject, actor))

/**
 * Makes a service that exchanges tokens, for a server with many users. Each `exchange` sends a request, without a cache. If
 * the server calls often for the same users, make a `TokenSource` for each user that acquires its tokens with `exchange`,
 * for example in an `RcMap` by session.
 *
 * Fails with `InvalidRequest` as `OAuth2.make` does. `exchange` fails with `TokenError`:
 *
 * - `Rejected` for an OAuth error. `invalid_request` and `invalid_grant` usually mean that the token of the subject or of
 *   the actor is no longer valid. `invalid_target` means that the API is unknown or not allowed. Also if the actor must sign
 *   in again
 * - `InvalidResponse` if the server has issued a token of another type. A missing `issued_token_type` means the requested
 *   type
 * - the error of `actor`, if that effect fails
 *
 * No error shows a token.
 *
 * Specification: [RFC 8693 §2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.1),
 * [§2.2](https://www.rfc-editor.org/rfc/rfc8693#section-2.2).
 *
 * @example
 * import * as Bearer from "@countersign/auth/Bearer"
 * import * as TokenExchange from "@countersign/auth/TokenExchange"
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import type * as Redacted from "effect/Redacted"
 *
 * // A service calls the API of invoices on behalf of the user that called the service. Make it once.
 * const makeInvoices = Effect.gen(function* () {
 *   const { exchange } = yield* TokenExchange.make({
 *     issuer: "https://auth.example.com",
 *     clientId: "orders",
 *     clientSecret: yield* Config.redacted("CLIENT_SECRET"),
 *     resource: "https://invoices.example.com",
 *     scopes: ["invoices.read"]
 *   })
 *   // `token` is the verified access token of a request.
 *   return (token: Redacted.Redacted<string>) =>
 *     Effect.gen(function* () {
 *       const { accessToken } = yield* exchange({ token, type: TokenExchange.tokenTypes.accessToken })
 *       const api = yield* ApiClient.make({ baseUrl: "https://invoices.example.com", auth: Bearer.make(accessToken) })
 *       return yield* api.get("/invoices")
 *     })
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(
  options: Options<R>
): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient | R> =>
  Effect.zipWith(SharedServer.connect(options), Effect.context<R>(), (conversation, context) => ({
    exchange: (subject) => Effect.provide(makeExchange(conversation, options)(subject), context)
  }))

/**
 * Makes a subject token effect from a token source. Each run returns the current access token of the source, or fails with
 * the `TokenError` or `TokenStoreError` of the source.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSource = (source: TokenSource.Service): Effect.Effect<SubjectToken, TokenError | TokenStoreError> =>
  Effect.map(source.get, ({ token }) => ({ token: token.accessToken, type: tokenTypes.accessToken }))

/**
 * Makes a subject token effect from an effect that returns a JWT, such as `GitHubActions.idToken` or `TokenFile.read` of
 * `@countersign/node`. Each run returns the current JWT, or fails with the error of that effect. It can be the option `actor`
 * too.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromJwt = <E, R>(
  token: Effect.Effect<Redacted.Redacted<string>, E, R>
): Effect.Effect<SubjectToken, E, R> => Effect.map(token, (token) => ({ token, type: tokenTypes.jwt }))

/**
 * Options of {@link layer}: the client, the requested token, and the subject.
 *
 * @since 0.1.0
 * @category models
 */
export interface LayerOptions<R = never> extends Options<R>, TokenSource.RefreshOptions {
  /** Returns the token of the subject. Runs for each exchange. It must always return tokens of the same user. */
  readonly subject: Effect.Effect<SubjectToken, TokenError | TokenStoreError, R>
  /**
   * The account of the subject. Any text. With it, the token is stored and shared with other processes and later runs.
   * Without it, tokens of several subjects would have the same key, so the token is kept in the memory of this Layer only.
   */
  readonly account?: string | undefined
}

const notPresentable = new TokenError({
  reason: "InvalidResponse",
  detail: `the issued token cannot be sent to an API: \`token_type\` is "N_A", or \`issued_token_type\` is not an access token. Use \`TokenExchange.make\` to get it`
})

const acquireToken = <R>(
  conversation: ServerClient.ServerClient,
  options: LayerOptions<R>
): Effect.Effect<Token, TokenError, R> =>
  asSubjectError("the token of the subject", options.subject).pipe(
    Effect.flatMap(makeExchange(conversation, options)),
    Effect.flatMap(({ issuedTokenType, ...token }) =>
      token.tokenType === Exchange.notApplicable || !Exchange.isForAccess(issuedTokenType)
        ? Effect.fail(notPresentable)
        : Effect.succeed(token)
    )
  )

/**
 * Layer that authenticates requests with tokens that are exchanged for those of one subject. The token is exchanged again
 * before it expires or after a 401.
 *
 * A refresh token in the response is not kept. Each exchange runs `subject` again, so that the access ends soon after the
 * session of the subject.
 *
 * A step-up challenge for claims (continuous access evaluation) is sent with one exchange.
 *
 * The key in the `TokenStore` consists of issuer, client, account, scopes, and a hash of the other request parameters. No
 * token is part of that hash.
 *
 * Building the Layer fails with `InvalidRequest` as {@link make} does. Calls fail with `TokenError` like `exchange` of
 * {@link make}, also if the issued token cannot be sent to an API, and with `TokenStoreError`. If the subject must sign in
 * again, the reason is `Rejected`. After the sign-in, the subject is read again within 30 seconds.
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
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
> =>
  Layer.unwrapEffect(
    Effect.map(SharedServer.connect(options), (conversation) => {
      const { account, actor, audience, parameters, requestedTokenType, resource } = options
      return DelegatedGrant.layer(options, conversation, {
        type: Exchange.grantType,
        account,
        audience: audience ?? resource,
        cacheKeyInputs: { resource, audience, requestedTokenType, parameters, delegated: actor !== undefined },
        acquireToken: (parameters) =>
          acquireToken(conversation, { ...options, parameters: { ...options.parameters, ...parameters } })
      })
    })
  )

/**
 * Layer like {@link layer}, with options that may be read from the configuration (`Config`).
 *
 * Building it also fails with `ConfigError` if a configuration value is missing or invalid.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <R = never>(
  options: OAuth2.OrConfig<LayerOptions<R>>
): Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  ConfigError | InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
> => Layer.unwrapEffect(Effect.map(ConfigOptions.read<LayerOptions<R>>(options), (read) => layer(read)))
