/**
 * GitHub: OAuth apps, GitHub Apps, and a server of one's own.
 *
 * It documents no metadata, tells errors with status 200, separates the scopes of an answer by commas, and gives OAuth apps
 * tokens that neither expire nor are refreshed. GitHub Apps get tokens for eight hours with a refresh token for six months,
 * which is used once; one that a device got is refreshed without a secret.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as ClientAuthentication from "../ClientAuthentication.js"
import type * as DeviceCode from "../DeviceCode.js"
import { spacedScopes } from "../internal/providers/responseFixes.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An app, and where it is registered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret"> {
  /** `github.com`, when it is left out. */
  readonly host?: string | undefined
}

const complianceFixes: OAuth2.ComplianceFixes = {
  transformResponse: spacedScopes,
  errorCodes: {
    bad_refresh_token: "invalid_grant",
    bad_verification_code: "invalid_grant",
    incorrect_client_credentials: "invalid_client",
    incorrect_device_code: "invalid_grant"
  }
}

/** What goes into the options of a sign-in. */
type App = Pick<
  AuthorizationCode.Options & DeviceCode.Options,
  "authorizationEndpoint" | "deviceAuthorizationEndpoint"
> &
  OAuth2.Client

/**
 * An app's part of the options of `AuthorizationCode.make`, `DeviceCode.make`, `SignIn` and `RefreshToken.layer`. Without a
 * secret it is good for devices only.
 *
 * Specification: [Authorizing OAuth apps](https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps).
 *
 * @since 0.1.0
 * @category constructors
 */
export const app = ({ clientId, clientSecret, host = "github.com" }: Options): App => {
  const login = `https://${host}/login`
  return {
    issuer: `${login}/oauth`,
    tokenEndpoint: `${login}/oauth/access_token`,
    authorizationEndpoint: `${login}/oauth/authorize`,
    deviceAuthorizationEndpoint: `${login}/device/code`,
    clientId,
    ...(clientSecret === undefined
      ? { clientAuthentication: ClientAuthentication.none }
      : { clientSecret, clientAuthentication: "client_secret_post" as const }),
    complianceFixes
  }
}
