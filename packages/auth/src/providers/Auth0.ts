/**
 * Auth0: client options for an Auth0 tenant.
 *
 * `audience` selects the API. Without it, a token only identifies the user. The issuer ends with a slash. Rotated refresh
 * tokens may have an overlap period, in which the previous one is accepted once more.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import type * as ClientCredentials from "../ClientCredentials.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"
import type * as RefreshToken from "../RefreshToken.js"

/**
 * An Auth0 application, and the API that it calls.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication"> {
  /** The tenant's domain such as `example.eu.auth0.com`, or a custom domain. */
  readonly domain: string
  /** The identifier of the API that the tokens are for. */
  readonly audience?: string | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  ...credentialNames,
  clientAuthentication: true,
  domain: true,
  audience: true
}

/**
 * Auth0 client options for `ClientCredentials.layer`, `AuthorizationCode.make`, `DeviceCode.make`, `SignIn` and
 * `RefreshToken.layer`. Request `offline_access` to get a refresh token.
 *
 * Specification: [Authorization code flow with PKCE](https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow-with-pkce),
 * [refresh token rotation](https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Auth0 from "@countersign/auth/providers/Auth0"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Auth0.client({ domain: "example.eu.auth0.com", clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = (
  options: Options
): OAuth2.Client &
  Pick<ClientCredentials.Options & RefreshToken.Options, "audience"> &
  Pick<AuthorizationCode.Options, "parameters"> => {
  const { audience, domain, ...client } = OptionNames.known("`Auth0.client`", options, names)
  return {
    ...client,
    issuer: `https://${domain}/`,
    ...(audience !== undefined && { audience, parameters: { audience } })
  }
}
