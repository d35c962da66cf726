/**
 * OAuth 2.0 client (RFC 6749): authorization server metadata, client authentication, token requests, and their errors. The
 * grant modules are built on it.
 *
 * `oauth4webapi` builds the requests and parses the responses. All requests are sent with the `HttpClient` of the context.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "./Errors.js"
import type * as ConfigOptions from "@countersign/client/ConfigOptions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import * as Refresh from "./internal/grants/refreshRequest.js"
import * as PlainHttp from "./internal/http/insecureHttp.js"
import type { Options, Service } from "./internal/oauth/client.js"
import * as SharedServer from "./internal/oauth/sharedServer.js"
import * as RotatedToken from "./internal/response/rotatedToken.js"

export type { Client, Options, ComplianceFixes, SecretAuthMethod, Service } from "./internal/oauth/client.js"

/**
 * Value of the option `transport` that allows an authorization server without TLS on this machine. The client secret is then
 * sent unencrypted. Hosts other than `localhost`, `127.0.0.1` and `[::1]` are still rejected.
 *
 * @since 0.1.0
 * @category options
 */
export const dangerouslyAllowHttpOnLoopback: typeof PlainHttp.dangerouslyAllowHttpOnLoopback =
  PlainHttp.dangerouslyAllowHttpOnLoopback

/**
 * The default of the OAuth grants for `propagationDelay`: the time in which an API may not yet accept a newly issued token.
 * See `TokenSource.RefreshOptions`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaultPropagationDelay = "3 seconds"

/**
 * Options of which each member may be a `Config` instead of a value.
 *
 * @since 0.1.0
 * @category models
 */
export type OrConfig<A> = ConfigOptions.OrConfig<A>

/**
 * Makes an OAuth client for one authorization server.
 *
 * The metadata is read at the first request, and cached once it was read. Three well-known URLs are tried in this order: RFC
 * 8414, OpenID Connect Discovery, and OpenID Connect Discovery with the path of the issuer inserted. A URL without a usable
 * document leads to the next one.
 *
 * Fails with `InvalidRequest` if `issuer` or `tokenEndpoint` is not an https URL, if `clientId` or `clientSecret` is empty,
 * or if `tokenParameters` has a parameter that only the client itself may set. Requests fail with `TokenError`:
 *
 * - `Rejected` for an OAuth error (`error` is its code), also with a 5xx status, and for a 4xx status with any JSON object
 * - `ReauthorizationRequired` for `invalid_grant` on a refresh, also if {@link ComplianceFixes} map the error to it
 * - `Unavailable` for no connection, 408, 425, 429, any other 5xx, a redirect, HTML and an empty body
 * - `InvalidResponse` for a 2xx status without an `access_token` that can be sent; see {@link rotatedRefreshToken}
 *
 * A 2xx response needs only an `access_token` in a JSON or form body. Other members that cannot be parsed are left out.
 * Redirects are not followed. A body is read up to 256 KiB. A request times out after 20 s, a metadata request after 10 s.
 *
 * Specification: [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3),
 * [RFC 6749 §5](https://www.rfc-editor.org/rfc/rfc6749#section-5).
 *
 * @example
 * import * as OAuth2 from "@countersign/auth/OAuth2"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* OAuth2.make({
 *     issuer: "https://id.example.com",
 *     clientId: "my-service",
 *     clientSecret: Redacted.make("secret")
 *   })
 *   return yield* server.clientCredentials({ scope: "read" })
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.map(SharedServer.connect(options), ({ clockSkew, token }) => ({
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
          onFailure: asReauthorization,
          // RFC 6749 §6: without a new refresh token in the response, the old one stays valid.
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
 * The new refresh token of a token response that was rejected for another reason, such as a missing `access_token`.
 *
 * The old refresh token is then invalid. `TokenSource` stores the new one before it fails. A direct caller of
 * {@link Service.refresh} must store it.
 *
 * @since 0.1.0
 * @category accessors
 */
export const rotatedRefreshToken = (error: TokenError): Option.Option<Redacted.Redacted<string>> =>
  Option.fromNullable(RotatedToken.of(error))

/** Error codes that require a new sign-in. Token endpoints also send codes of OpenID Connect Core §3.1.2.6. */
const reauthorizationErrors: ReadonlySet<string | undefined> = new Set([
  "consent_required",
  "interaction_required",
  "invalid_grant",
  "login_required"
])

/** Maps these error codes to `ReauthorizationRequired`, because a further refresh would fail in the same way. */
const asReauthorization = (error: TokenError): TokenError =>
  reauthorizationErrors.has(error.error)
    ? new TokenError({
        reason: "ReauthorizationRequired",
        error: error.error,
        detail: `${
          error.error === "invalid_grant"
            ? "the refresh token is no longer valid (expired, revoked or used elsewhere)"
            : "a refresh token is not sufficient"
        }. Sign in again. ${error.detail}`
      })
    : error
