/**
 * ID tokens (OpenID Connect Core §2): the claims of an OpenID provider about a signed-in user.
 *
 * @since 0.1.0
 */

/**
 * The claims of a validated ID token: its issuer, audience, nonce, times and signature are correct.
 *
 * Other claims are not validated and can have any type: decode them with a `Schema`.
 *
 * `sub` identifies the user only together with `iss`. An e-mail address does not, because its owner can change.
 *
 * Specification: [OpenID Connect Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken).
 *
 * @since 0.1.0
 * @category models
 */
export interface Claims {
  /** The issuer that authenticated the user. */
  readonly iss: string
  /** The user's id at the issuer. */
  readonly sub: string
  /** The client ids that the ID token is for. */
  readonly aud: string | ReadonlyArray<string>
  /** When the ID token expires, in epoch seconds. */
  readonly exp: number
  /** When the ID token was issued, in epoch seconds. */
  readonly iat: number
  readonly [claim: string]: unknown
}
