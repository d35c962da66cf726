/**
 * Auth0.
 *
 * An API is named by `audience`, without which a token is good for nothing but who somebody is. The issuer ends with a
 * slash. Rotated refresh tokens may have an overlap period in which the one before is taken once more.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import type * as ClientCredentials from "../ClientCredentials.js"
import type * as OAuth2 from "../OAuth2.js"
import type * as RefreshToken from "../RefreshToken.js"

/**
 * An application, and the API that it calls.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication"> {
  /** Such as `example.eu.auth0.com`, or a domain of one's own. */
  readonly domain: string
  /** The API's identifier. */
  readonly audience?: string | undefined
}

/**
 * An application's part of the options of `ClientCredentials.layer`, `AuthorizationCode.make`, `DeviceCode.make`, `SignIn`
 * and `RefreshToken.layer`. Ask for `offline_access` to get a refresh token.
 *
 * Specification: [Authorization code flow with PKCE](https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow-with-pkce),
 * [refresh token rotation](https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation).
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = ({
  audience,
  domain,
  ...client
}: Options): OAuth2.Client &
  Pick<ClientCredentials.Options & RefreshToken.Options, "audience"> &
  Pick<AuthorizationCode.Options, "parameters"> => ({
  ...client,
  issuer: `https://${domain}/`,
  ...(audience !== undefined && { audience, parameters: { audience } })
})
