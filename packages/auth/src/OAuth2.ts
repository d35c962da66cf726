/**
 * An OAuth 2 authorization server, as far as its clients have it in common: where its endpoints are, how a client
 * names itself there, and what its answers mean.
 *
 * The messages are `oauth4webapi`'s; they travel through the `HttpClient` of the context and no other way.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type { ClientAuthentication } from "./ClientAuthentication.js"
import type * as Dpop from "./Dpop.js"
import * as Refresh from "./internal/grants/refreshRequest.js"
import * as PlainHttp from "./internal/http/insecureHttp.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import * as Rotated from "./internal/response/rotatedToken.js"
import type { Token } from "./Token.js"

/**
 * Lets a client talk to an authorization server without TLS, which sends its secret in the clear. Only for a server
 * on this very machine: other hosts than `localhost`, `127.0.0.1` and `[::1]` are refused all the same.
 *
 * @since 0.1.0
 * @category options
 */
export const dangerouslyPlainHttpOnLoopback: typeof PlainHttp.dangerouslyPlainHttpOnLoopback =
  PlainHttp.dangerouslyPlainHttpOnLoopback

/**
 * How long a token that an authorization server has just issued may be unknown to the APIs that take it: the grants'
 * default for `settling`, see `TokenSource.Tuning`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const settling = "3 seconds"

/**
 * How a client's secret is used, by the name of the method in its registration; see {@link ClientAuthentication}.
 *
 * @since 0.1.0
 * @category models
 */
export type SecretMethod = "client_secret_basic" | "client_secret_post" | "client_secret_jwt"

/**
 * Where a server differs from the specifications: what the modules in `providers` know of theirs. Without, a server is
 * taken at the word of the specifications.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quirks {
  /** What stands between two scopes in a request, where it is not a space. */
  readonly scopeSeparator?: "," | undefined
  /**
   * Changes the body of a response to one that OAuth defines. It is called for each response to a POST whose body is a JSON
   * object or a form, with its HTTP status: for tokens, device codes and errors. An error with a 4xx or 5xx status stays an
   * error. It must not throw: a success for which it does is `InvalidResponse`.
   */
  readonly answer?:
    ((body: Readonly<Record<string, unknown>>, status: number) => Readonly<Record<string, unknown>>) | undefined
  /**
   * The codes of OAuth for the server's own codes and messages: `{ bad_refresh_token: "invalid_grant" }`, or
   * `{ "Invalid refresh token": "invalid_grant" }`, which is compared with the whole message. `server_error` and
   * `temporarily_unavailable` mean that a later request may succeed.
   */
  readonly errors?: Readonly<Record<string, string>> | undefined
  /** The members of a token's answer that are kept with it as {@link Token} `extras`, where they are texts; no secrets. */
  readonly keeps?: ReadonlyArray<string> | undefined
  /**
   * Signs somebody in without PKCE: for a server that refuses it. What then keeps a stolen code from being used is the
   * client's secret alone ([RFC 9700 §2.1.1](https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1)), so a client without
   * one goes on with it.
   */
  readonly pkce?: false | undefined
  /**
   * Sends and expects no `nonce` with `openid`: for a provider whose ID tokens leave it out (LinkedIn). PKCE then binds the
   * code to the sign-in by itself. A client without PKCE sends and expects the nonce all the same.
   */
  readonly nonce?: false | undefined
  /**
   * Audiences that an ID token may name beside this client without an `azp` claim. Without it such a token is rejected
   * ([OpenID Connect Core §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).
   */
  readonly audiences?: ReadonlyArray<string> | undefined
  /** Sends no `scope` with a refresh: for a server that rejects the parameter there. */
  readonly refreshScope?: false | undefined
  /** How the metadata spell the issuer, where that is not how it is asked: `https://id.example.com/{tenant}`. */
  readonly publishedAs?: string | undefined
  /**
   * The issuer that an ID token with these claims has to name, where it is not the one of the metadata. The claims are not
   * believed yet: what is made of one is to be no more than its place in a fixed text.
   */
  readonly issuerOf?: ((claims: Readonly<Record<string, unknown>>) => string | undefined) | undefined
}

/**
 * A client as the authorization server knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /** The issuer, whose metadata tells the endpoints: an https URL without query and fragment. */
  readonly issuer: string
  readonly clientId: string
  /** The secret, where the client has one. */
  readonly clientSecret?: Redacted.Redacted<string> | undefined
  /**
   * How the secret is used (`client_secret_basic`; if the metadata support only others, the first of them that a secret can
   * do); or, without a secret, how the client authenticates.
   */
  readonly clientAuthentication?: SecretMethod | ClientAuthentication | undefined
  /** The token endpoint, where the server publishes no metadata. */
  readonly tokenEndpoint?: string | undefined
  /**
   * Further parameters of requests to the token endpoint, by the grant type that they belong to:
   * `{ refresh_token: { tenant: "t1" }, authorization_code: { tenant: "t1" } }`. No secrets. A parameter that the grant
   * sends by itself stays as it is, except `scope` and `resource` of a refresh.
   */
  readonly tokenParameters?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined
  /** The key that tokens are to be bound to; the server's answer must be of type `DPoP` then. */
  readonly dpop?: Dpop.Key | undefined
  /** Where the server differs from the specifications. */
  readonly quirks?: Quirks | undefined
  /** See {@link dangerouslyPlainHttpOnLoopback}. */
  readonly transport?: typeof dangerouslyPlainHttpOnLoopback | undefined
}

/**
 * A client, and what each of its refreshes sends.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Client {
  /** The scopes of a refresh. A server may require them (Entra); one that rejects them is asked again without. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API that the refreshed token is for ([RFC 8707 §2.2](https://www.rfc-editor.org/rfc/rfc8707#section-2.2)). */
  readonly resource?: string | undefined
}

/**
 * Options of which each may be a question to the configuration instead of a value.
 *
 * @since 0.1.0
 * @category models
 */
export type FromConfig<A> = { readonly [K in keyof A]: A[K] | Config.Config<Exclude<A[K], undefined>> }

/**
 * A client's conversation with its authorization server. Each gives a token or fails with `TokenError`, see
 * {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4), with further parameters. */
  readonly clientCredentials: (parameters: Readonly<Record<string, string>>) => Effect.Effect<Token, TokenError>
  /**
   * [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6), with further parameters.
   *
   * Sends `resource` and `scopes` of the options, unless `parameters` has them. If the server rejects the scopes
   * (`invalid_scope`, `invalid_request`), the request is sent once more without them, and later ones have none. Scopes in
   * `parameters` are sent as they are.
   *
   * @param granted - the scope of the token that is replaced. If it covers the scopes of the options, it is sent in place of
   * them: a user who has granted more since keeps that.
   */
  readonly refresh: (
    refreshToken: Redacted.Redacted<string>,
    parameters?: Readonly<Record<string, string>>,
    granted?: string
  ) => Effect.Effect<Token, TokenError>
  /** A grant by its name, for those that have no function here; the text of `secrets` is shown in no error. */
  readonly grant: (
    grantType: string,
    parameters: Readonly<Record<string, string>>,
    secrets?: ReadonlyArray<Redacted.Redacted<string>>
  ) => Effect.Effect<Token, TokenError>
  /**
   * How far the server's clock is ahead of this machine's, in milliseconds to the second, by the `Date` of its last
   * answer; 0 before there was one. The life of a token does not depend on it: `expires_in` counts from its receipt.
   */
  readonly clockOffset: Effect.Effect<number>
}

/**
 * Makes the conversation. The metadata is fetched when it is first needed, and kept once it was read. It is read from three
 * well-known places: RFC 8414, OpenID Connect Discovery, and the OpenID document with the issuer's path inserted. A place
 * without a usable document leads to the next one.
 *
 * Fails with `InvalidRequest` where the issuer or the token endpoint is no https URL, the client's id or secret is
 * empty, or `tokenParameters` has a parameter that only the client itself may set. The conversation fails with
 * `TokenError`:
 *
 * - `Refused` for an OAuth error (`error` is its code), also with a 5xx status, and for a 4xx status with any JSON object
 * - `ReauthorizationRequired` for `invalid_grant` on a refresh, also where {@link Quirks} map the error to it
 * - `Unavailable` for no connection, 408, 425, 429, any other 5xx, a redirect, HTML and an empty body
 * - `InvalidResponse` for a 2xx status without an `access_token` that can be sent; see {@link rotatedRefreshToken}
 *
 * An `access_token` in a 2xx JSON or form body makes a token. Other members are left out where they cannot be read. No
 * redirect is followed, a body is read up to 256 KiB, an exchange may take 20 s, and one for metadata 10 s.
 *
 * Specification: [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3),
 * [RFC 6749 §5](https://www.rfc-editor.org/rfc/rfc6749#section-5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.map(Conversation.make(options), ({ clockOffset, token }) => ({
    clockOffset,
    clientCredentials: (parameters) =>
      token(({ authentication, client, options, server }) =>
        oauth.clientCredentialsGrantRequest(server, client, authentication, { ...parameters }, options)
      ),
    refresh: Refresh.make(options, (refreshToken, parameters) =>
      token(
        ({ authentication, client, options, server }) =>
          oauth.refreshTokenGrantRequest(server, client, authentication, Redacted.value(refreshToken), {
            ...options,
            additionalParameters: parameters
          }),
        [refreshToken]
      ).pipe(
        Effect.mapBoth({
          onFailure: reauthorize,
          // A refresh token that is left out of the answer stays good; a new one replaces it.
          onSuccess: (token) => ({ ...token, refreshToken: token.refreshToken ?? refreshToken })
        })
      )
    ),
    grant: (grantType, parameters, secrets) =>
      token(
        ({ authentication, client, options, server }) =>
          oauth.genericTokenEndpointRequest(server, client, authentication, grantType, { ...parameters }, options),
        secrets
      )
  }))

/**
 * The new refresh token of a token response that was rejected for something else, such as an `access_token` that is missing.
 * The old refresh token is void then. `TokenSource` stores it before it raises the error; a caller of {@link Service.refresh}
 * stores it by itself.
 *
 * @since 0.1.0
 * @category accessors
 */
export const rotatedRefreshToken = (error: TokenError): Option.Option<Redacted.Redacted<string>> =>
  Option.fromNullable(Rotated.of(error))

/** What only somebody who signs in can do about a refusal: OpenID Connect's names for it are used at token endpoints, too. */
const reauthorizing: ReadonlySet<string | undefined> = new Set([
  "consent_required",
  "interaction_required",
  "invalid_grant",
  "login_required"
])

/** A refresh token that is refused stays refused. */
const reauthorize = (error: TokenError): TokenError =>
  reauthorizing.has(error.error)
    ? new TokenError({
        reason: "ReauthorizationRequired",
        error: error.error,
        detail: `${
          error.error === "invalid_grant"
            ? "the refresh token is no longer good (expired, revoked or used elsewhere)"
            : "a refresh token is not enough"
        }: sign in again; ${error.detail}`
      })
    : error
