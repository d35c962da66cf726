import type * as Duration from "effect/Duration"
import type { Profile } from "../profiles/profile.js"
import type * as Fault from "./faults/fault.js"
import type { Jwk } from "./tokens/jwt.js"

/**
 * A client of the server. Without a secret and without keys, it is a public client.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  /** Client secret. */
  readonly secret?: string | undefined
  /** Redirect URIs, compared exactly, except for the port of `http://127.0.0.1` and `http://[::1]`. */
  readonly redirectUris?: ReadonlyArray<string> | undefined
  /** Public keys of the client's JWTs. */
  readonly jwks?: { readonly keys: ReadonlyArray<Jwk> } | undefined
  /** Grant types that the client may use (all). */
  readonly grantTypes?: ReadonlyArray<string> | undefined
  /** Whether the client authenticates with its `client_id` only (RFC 6749 §2.1). */
  readonly public?: boolean | undefined
}

/**
 * Options of the server. Each has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Clients by `client_id`: a secret, or {@link ClientOptions} (`{ client: "secret" }`). */
  readonly clients?: Readonly<Record<string, string | ClientOptions>> | undefined
  /** Scopes that the server knows (any). */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** Absolute URIs that tokens may be requested for with `resource`, RFC 8707 (any). */
  readonly resources?: ReadonlyArray<string> | undefined
  /** Lifetime of access tokens, down to milliseconds (one hour). */
  readonly accessTokenLifetime?: Duration.DurationInput | undefined
  /**
   * How `expires_in` is sent: rounded down to `"seconds"` (default; `true` is the same), as an `"exact"` fraction, which
   * RFC 6749 does not define but clients accept, or not at all (`false`).
   */
  readonly expiresIn?: boolean | "seconds" | "exact" | undefined
  /** Whether client credentials also get a refresh token (`false`). */
  readonly refreshTokens?: boolean | undefined
  /** Whether each refresh returns a new refresh token (`true`). With `false`, the response has no refresh token. */
  readonly rotation?: boolean | undefined
  /**
   * How long a used refresh token is accepted again after its first use, for clients that lost the response (0: never). It
   * applies while no token that replaced it was used.
   */
  readonly reuseGrace?: Duration.DurationInput | undefined
  /**
   * Refresh token that a reuse within the grace returns: `"another"` token of the same family, like Auth0 (default), or the
   * `"same"` token as before, like Drupal's Refresh Token Buffer.
   */
  readonly reuseResponse?: "another" | "same" | undefined
  /** How long `/resource` rejects a new access token with 401 `invalid_token` (0). */
  readonly replicationDelay?: Duration.DurationInput | undefined
  /**
   * How many milliseconds the server's clock is ahead of Effect's Clock; negative for behind (0). It affects `Date` and the
   * times in JWTs. Times that the server reports to tests (`at`) follow Effect's Clock.
   */
  readonly clockOffset?: number | undefined
  /** Faults of the token endpoint (none). */
  readonly faults?: Fault.Script | undefined
  /**
   * Result of authorization requests: `"approve"` (default), `"deny"`, or `"manual"`, where the user decides on a page with
   * two buttons, or the test with `approve` and `deny` of the service.
   */
  readonly consent?: "approve" | "deny" | "manual" | undefined
  /** The user, which is the `sub` of tokens (`"user"`). */
  readonly subject?: string | undefined
  /** Whether PKCE with S256 is `"required"` (default) or `"optional"`. */
  readonly pkce?: "required" | "optional" | undefined
  /** Whether pushed authorization requests are `"optional"` (default), or `"required"`: then `/authorize` needs `request_uri`. */
  readonly pushedRequests?: "required" | "optional" | undefined
  /** Lifetime of authorization codes (10 minutes). */
  readonly codeLifetime?: Duration.DurationInput | undefined
  /** Device authorization: the polling `interval` (5 seconds), and the `lifetime` of device codes (10 minutes). */
  readonly device?:
    | { readonly interval?: Duration.DurationInput | undefined; readonly lifetime?: Duration.DurationInput | undefined }
    | undefined
  /** DPoP (RFC 9449). */
  readonly dpop?:
    | {
        /** Whether every token must be bound to a key (`false`). */
        readonly required?: boolean | undefined
        /** Whether every proof must contain a nonce of the server (`false`). */
        readonly nonce?: boolean | undefined
        /** How long each nonce is sent (one minute). It is accepted for as long again. */
        readonly nonceLifetime?: Duration.DurationInput | undefined
        /** Fault: proofs are verified, but tokens are `Bearer` (`false`). */
        readonly downgrade?: boolean | undefined
      }
    | undefined
  /** Bearer token that `/register` requires (none). */
  readonly initialAccessToken?: string | undefined
  /** Provider that the server imitates, see {@link profiles}. Other options take precedence over its settings. */
  readonly profile?: Profile | undefined
  /** Manipulated values, as an attacker would send them. A member that is `undefined` is omitted. */
  readonly overrides?:
    | {
        /** Members of the metadata. */
        readonly metadata?: Readonly<Record<string, unknown>> | undefined
        /** Parameters of the redirect with the code. */
        readonly redirect?: Readonly<Record<string, string | undefined>> | undefined
        /** Claims of ID tokens. */
        readonly idToken?: Readonly<Record<string, unknown>> | undefined
      }
    | undefined
}
