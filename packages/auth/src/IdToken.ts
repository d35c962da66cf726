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
 * @example
 * import type * as IdToken from "@countersign/auth/IdToken"
 * import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
 * import * as SignIn from "@countersign/node/SignIn"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * // The key of a user in a database: the same at each sign-in, and different for the same `sub` of another issuer.
 * const keyOf = ({ iss, sub }: IdToken.Claims) => JSON.stringify([iss, sub])
 *
 * const Profile = Schema.Struct({ email: Schema.String, email_verified: Schema.Boolean })
 *
 * const signIn = Effect.gen(function* () {
 *   const { claims } = yield* SignIn.withBrowser({
 *     issuer: "https://auth.example.com",
 *     clientId: "terminal",
 *     clientAuthentication: ClientAuthentication.none,
 *     scopes: ["openid", "email"]
 *   })
 *   if (claims === undefined) return yield* Effect.dieMessage("the scopes contain no openid")
 *   const { email, email_verified } = yield* Schema.decodeUnknown(Profile)(claims)
 *   return { key: keyOf(claims), email: email_verified ? email : undefined }
 * })
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
