/**
 * What an OpenID provider says of somebody who has signed in.
 *
 * @since 0.1.0
 */

/**
 * The claims of an ID token that was believed: issuer, audience, nonce, times and signature were found good. Other claims
 * are as the issuer wrote them, of whatever type; a `Schema` tells.
 *
 * `sub` is who it is, and only together with `iss`: an e-mail address may change its owner.
 *
 * Specification: [OpenID Connect Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken).
 *
 * @since 0.1.0
 * @category models
 */
export interface Claims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | ReadonlyArray<string>
  /** When it ends, in epoch seconds. */
  readonly exp: number
  /** When it was issued, in epoch seconds. */
  readonly iat: number
  readonly [claim: string]: unknown
}
