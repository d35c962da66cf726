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
import * as Refresh from "./internal/grants/refreshRequest.js"
import * as PlainHttp from "./internal/http/insecureHttp.js"
import type { Options, Service } from "./internal/oauth/client.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import * as Rotated from "./internal/response/rotatedToken.js"

export type { Client, Options, ComplianceFixes, SecretAuthMethod, Service } from "./internal/oauth/client.js"

/**
 * Lets a client talk to an authorization server without TLS, which sends its secret in the clear. Only for a server
 * on this very machine: other hosts than `localhost`, `127.0.0.1` and `[::1]` are refused all the same.
 *
 * @since 0.1.0
 * @category options
 */
export const dangerouslyAllowHttpOnLoopback: typeof PlainHttp.dangerouslyAllowHttpOnLoopback =
  PlainHttp.dangerouslyAllowHttpOnLoopback

/**
 * How long a token that an authorization server has just issued may be unknown to the APIs that take it: the grants'
 * default for `settling`, see `TokenSource.RefreshOptions`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaultPropagationDelay = "3 seconds"

/**
 * Options of which each may be a question to the configuration instead of a value.
 *
 * @since 0.1.0
 * @category models
 */
export type OrConfig<A> = { readonly [K in keyof A]: A[K] | Config.Config<Exclude<A[K], undefined>> }

/**
 * Makes the conversation. The metadata is fetched when it is first needed, and kept once it was read. It is read from three
 * well-known places: RFC 8414, OpenID Connect Discovery, and the OpenID document with the issuer's path inserted. A place
 * without a usable document leads to the next one.
 *
 * Fails with `InvalidRequest` where the issuer or the token endpoint is no https URL, the client's id or secret is
 * empty, or `tokenParameters` has a parameter that only the client itself may set. The conversation fails with
 * `TokenError`:
 *
 * - `Rejected` for an OAuth error (`error` is its code), also with a 5xx status, and for a 4xx status with any JSON object
 * - `ReauthorizationRequired` for `invalid_grant` on a refresh, also where {@link ComplianceFixes} map the error to it
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
  Effect.map(Conversation.make(options), ({ clockSkew, token }) => ({
    clockSkew,
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
    requestToken: (grantType, parameters, secrets) =>
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
