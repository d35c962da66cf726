/** An OAuth client: its options, and what it asks its authorization server for. */
import type { TokenError } from "@countersign/client/Errors"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { ClientAuthentication } from "../../ClientAuthentication.js"
import type * as Dpop from "../../Dpop.js"
import type { Token } from "../../Token.js"
import type { dangerouslyAllowHttpOnLoopback } from "../http/insecureHttp.js"

/**
 * How a client's secret is used, by the name of the method in its registration; see {@link ClientAuthentication}.
 *
 * @since 0.1.0
 * @category models
 */
export type SecretAuthMethod = "client_secret_basic" | "client_secret_post" | "client_secret_jwt"

/**
 * Where a server differs from the specifications: what the modules in `providers` know of theirs. Without, a server is
 * taken at the word of the specifications.
 *
 * @since 0.1.0
 * @category models
 */
export interface ComplianceFixes {
  /** What stands between two scopes in a request, where it is not a space. */
  readonly scopeSeparator?: "," | undefined
  /**
   * Changes the body of a response to one that OAuth defines. It is called for each response to a POST whose body is a JSON
   * object or a form, with its HTTP status: for tokens, device codes and errors. An error with a 4xx or 5xx status stays an
   * error. It must not throw: a success for which it does is `InvalidResponse`.
   */
  readonly transformResponse?:
    ((body: Readonly<Record<string, unknown>>, status: number) => Readonly<Record<string, unknown>>) | undefined
  /**
   * The codes of OAuth for the server's own codes and messages: `{ bad_refresh_token: "invalid_grant" }`, or
   * `{ "Invalid refresh token": "invalid_grant" }`, which is compared with the whole message. `server_error` and
   * `temporarily_unavailable` mean that a later request may succeed.
   */
  readonly errorCodes?: Readonly<Record<string, string>> | undefined
  /** The members of a token's answer that are kept with it as {@link Token} `extras`, where they are texts; no secrets. */
  readonly extraFields?: ReadonlyArray<string> | undefined
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
  readonly metadataIssuer?: string | undefined
  /**
   * The issuer that an ID token with these claims has to name, where it is not the one of the metadata. The claims are not
   * believed yet: what is made of one is to be no more than its place in a fixed text.
   */
  readonly idTokenIssuer?: ((claims: Readonly<Record<string, unknown>>) => string | undefined) | undefined
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
  readonly clientAuthentication?: SecretAuthMethod | ClientAuthentication | undefined
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
  readonly complianceFixes?: ComplianceFixes | undefined
  /** See {@link dangerouslyAllowHttpOnLoopback}. */
  readonly transport?: typeof dangerouslyAllowHttpOnLoopback | undefined
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
 * A client's conversation with its authorization server. Each gives a token or fails with `TokenError`, see
 * `make`.
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
  readonly requestToken: (
    grantType: string,
    parameters: Readonly<Record<string, string>>,
    secrets?: ReadonlyArray<Redacted.Redacted<string>>
  ) => Effect.Effect<Token, TokenError>
  /**
   * How far the server's clock is ahead of this machine's, in milliseconds to the second, by the `Date` of its last
   * answer; 0 before there was one. The life of a token does not depend on it: `expires_in` counts from its receipt.
   */
  readonly clockSkew: Effect.Effect<number>
}
