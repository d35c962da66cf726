/** OAuth client: its options and its service. */
import type { TokenError } from "../../Errors.js"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { ClientAuthentication } from "../../ClientAuthentication.js"
import type * as Dpop from "../../Dpop.js"
import type { Token } from "../../Token.js"
import type { dangerouslyAllowHttpOnLoopback } from "../http/insecureHttp.js"

/**
 * Client authentication methods with a client secret (`token_endpoint_auth_method` of the registration). See
 * {@link ClientAuthentication} for the others.
 *
 * @since 0.1.0
 * @category models
 */
export type SecretAuthMethod = "client_secret_basic" | "client_secret_post" | "client_secret_jwt"

/**
 * Adapts the client to a server that differs from the specifications. The modules in `providers` set these options for their
 * servers.
 *
 * @since 0.1.0
 * @category models
 */
export interface ComplianceFixes {
  /** Separator of scopes in a request, if it is not a space. */
  readonly scopeSeparator?: "," | undefined
  /**
   * Converts the body of a response to the form that OAuth defines. It is called with the HTTP status for each response to a
   * POST that has a JSON object or a form as its body: for tokens, device codes and errors. An error with a 4xx or 5xx
   * status stays an error. It must not throw: if it throws for a success, the request fails with `InvalidResponse`.
   */
  readonly transformResponse?:
    ((body: Readonly<Record<string, unknown>>, status: number) => Readonly<Record<string, unknown>>) | undefined
  /**
   * Maps error codes and messages of the server to error codes of OAuth: `{ bad_refresh_token: "invalid_grant" }`, or
   * `{ "Invalid refresh token": "invalid_grant" }`. A message must match as a whole. `server_error` and
   * `temporarily_unavailable` mean that a later request may succeed.
   */
  readonly errorCodes?: Readonly<Record<string, string>> | undefined
  /** Members of a token response that are kept in `extra` of the {@link Token}, if they are strings. No secrets. */
  readonly extraFields?: ReadonlyArray<string> | undefined
  /**
   * `false` disables PKCE for a sign-in, for a server that rejects it. Then only the client secret protects a stolen code
   * ([RFC 9700 §2.1.1](https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1)). A client without a secret still uses PKCE.
   */
  readonly pkce?: false | undefined
  /**
   * `false` neither sends nor expects a `nonce` with `openid`, for a provider with ID tokens without `nonce` (LinkedIn).
   * Only PKCE then binds the code to the sign-in. A client without PKCE still sends and expects the nonce.
   */
  readonly nonce?: false | undefined
  /**
   * Audiences that an ID token may name beside this client without an `azp` claim. Without it such a token is rejected
   * ([OpenID Connect Core §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).
   */
  readonly audiences?: ReadonlyArray<string> | undefined
  /** `false` sends no `scope` with a refresh, for a server that rejects the parameter there. */
  readonly refreshScope?: false | undefined
  /** The `issuer` of the metadata, if it differs from the option `issuer`: `https://id.example.com/{tenant}`. */
  readonly metadataIssuer?: string | undefined
  /**
   * Returns the expected issuer of an ID token with these claims, if it differs from the issuer of the metadata. The claims
   * are not verified yet, so insert them only into a fixed text.
   */
  readonly idTokenIssuer?: ((claims: Readonly<Record<string, unknown>>) => string | undefined) | undefined
}

/**
 * Options of an OAuth client: the authorization server, and how the client authenticates there.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /**
   * The issuer identifier of the authorization server: an https URL without query and fragment. Its metadata has the
   * endpoints.
   */
  readonly issuer: string
  /** The client id that the authorization server has issued. */
  readonly clientId: string
  /** The client secret, if the client has one. */
  readonly clientSecret?: Redacted.Redacted<string> | undefined
  /**
   * The authentication method of the client. With a secret, the default is `client_secret_basic`. If the metadata does not
   * list that method, the default is the first listed method that uses a secret.
   */
  readonly clientAuthentication?: SecretAuthMethod | ClientAuthentication | undefined
  /** URL of the token endpoint, if the server publishes no metadata. */
  readonly tokenEndpoint?: string | undefined
  /**
   * Further parameters of requests to the token endpoint, by grant type:
   * `{ refresh_token: { tenant: "t1" }, authorization_code: { tenant: "t1" } }`. No secrets. They do not replace parameters
   * of the grant itself, except `scope` and `resource` of a refresh.
   */
  readonly tokenParameters?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined
  /** The DPoP key that tokens are bound to (RFC 9449). The token response must then have the `token_type` `DPoP`. */
  readonly dpop?: Dpop.Key | undefined
  /** Adapts the client to a server that differs from the specifications. */
  readonly complianceFixes?: ComplianceFixes | undefined
  /** Allows plain http on loopback, see `OAuth2.dangerouslyAllowHttpOnLoopback`. */
  readonly transport?: typeof dangerouslyAllowHttpOnLoopback | undefined
  /**
   * The authorization server that several grants of this client share, see `AuthorizationServer`. It sends the requests with
   * its own `HttpClient`. The other options must be those of its `client`. Without it, each grant has a server of its own.
   */
  readonly server?: SharedServer | undefined
}

/**
 * Options of an authorization server: the client, and the endpoints for a server that publishes no metadata.
 *
 * @since 0.1.0
 * @category models
 */
export interface SharedServerOptions extends Omit<Client, "server"> {
  /** URL of the authorization endpoint. */
  readonly authorizationEndpoint?: string | undefined
  /** URL of the device authorization endpoint. */
  readonly deviceAuthorizationEndpoint?: string | undefined
  /** URL of the key set (JWKS). */
  readonly jwksUri?: string | undefined
  /** URL of the revocation endpoint. */
  readonly revocationEndpoint?: string | undefined
  /** URL of the introspection endpoint. */
  readonly introspectionEndpoint?: string | undefined
}

/**
 * The authorization server of one client, for all of its grants. They share the metadata, the clock skew and the DPoP nonces.
 *
 * @since 0.1.0
 * @category models
 */
export interface SharedServer {
  /** The options of the client, with this server: `RefreshToken.layer({ ...server.client, account: "ada" })`. */
  readonly client: SharedServerOptions & { readonly server: SharedServer }
  /**
   * Difference between the clock of the server and the local clock, in milliseconds, positive if the server is ahead. It is
   * 0 before the first response with a `Date`.
   */
  readonly clockSkew: Effect.Effect<number>
}

/**
 * Options of `OAuth2.make`: the client, and the parameters of each refresh.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Client {
  /**
   * The scopes of a refresh. Some servers require them (Entra). If the server rejects them, the refresh is sent without
   * them.
   */
  readonly scopes?: ReadonlyArray<string> | undefined
  /**
   * URL of the API that the refreshed token is for ([RFC 8707 §2.2](https://www.rfc-editor.org/rfc/rfc8707#section-2.2)).
   */
  readonly resource?: string | undefined
}

/**
 * Sends token requests to the authorization server. Each request returns a token, or fails with `TokenError` (see `make`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Client credentials grant ([RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)), with further parameters.
   */
  readonly clientCredentials: (parameters: Readonly<Record<string, string>>) => Effect.Effect<Token, TokenError>
  /**
   * Refresh token grant ([RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)), with further parameters.
   *
   * Sends `resource` and `scopes` of the options, unless `parameters` has them. If the server rejects the scopes
   * (`invalid_scope`, `invalid_request`), the request is sent once more without them, and later ones have none. Scopes in
   * `parameters` are sent as they are.
   *
   * @param granted - the scope of the previous token. If it covers the scopes of the options, it is sent instead of them, so
   * that scopes which the user has granted later are kept.
   */
  readonly refresh: (
    refreshToken: Redacted.Redacted<string>,
    parameters?: Readonly<Record<string, string>>,
    granted?: string
  ) => Effect.Effect<Token, TokenError>
  /** Sends a token request of any grant type. Errors never show the text of `secrets`. */
  readonly requestToken: (
    grantType: string,
    parameters: Readonly<Record<string, string>>,
    secrets?: ReadonlyArray<Redacted.Redacted<string>>
  ) => Effect.Effect<Token, TokenError>
  /**
   * Difference between the clock of the server and the local clock, in milliseconds, positive if the server is ahead. It is
   * computed from `Date` of the last response, to the second, and is 0 before the first response. It does not affect the
   * lifetime of tokens, because `expires_in` counts from the receipt.
   */
  readonly clockSkew: Effect.Effect<number>
}
