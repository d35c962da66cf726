/**
 * Twitch: client options for the Twitch API.
 *
 * It sends scopes as a list, and errors as `{ status, message }`, also to a device that polls. The client's secret is sent
 * in the body.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as ClientAuthentication from "../ClientAuthentication.js"
import type * as DeviceCode from "../DeviceCode.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/** OAuth error codes by `message`. `authorization_pending` needs no mapping. */
const errors = {
  "Invalid authorization code": "invalid_grant",
  "invalid client": "invalid_client",
  "invalid client secret": "invalid_client",
  "invalid device code": "invalid_grant",
  "Invalid refresh token": "invalid_grant",
  "missing client secret": "invalid_client"
}

/** The client options of a sign-in. */
type App = Pick<
  AuthorizationCode.Options & DeviceCode.Options,
  "authorizationEndpoint" | "deviceAuthorizationEndpoint" | "jwksUri"
> &
  OAuth2.Client

/**
 * Twitch client options for `ClientCredentials.layer`, `AuthorizationCode.make`, `DeviceCode.make`, `SignIn` and
 * `RefreshToken.layer`.
 *
 * Without a secret, it is a public client, for devices. A device also sends its scopes in `parameters: { scopes }`, because
 * Twitch has its own parameter.
 *
 * Specification: [Authentication](https://dev.twitch.tv/docs/authentication),
 * [refreshing access tokens](https://dev.twitch.tv/docs/authentication/refresh-tokens).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Twitch from "@countersign/auth/providers/Twitch"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Twitch.app({ clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const app = (options: Pick<OAuth2.Client, "clientId" | "clientSecret">): App => {
  const { clientId, clientSecret } = OptionNames.known("`Twitch.app`", options, credentialNames)
  return {
    issuer: "https://id.twitch.tv/oauth2",
    authorizationEndpoint: "https://id.twitch.tv/oauth2/authorize",
    deviceAuthorizationEndpoint: "https://id.twitch.tv/oauth2/device",
    tokenEndpoint: "https://id.twitch.tv/oauth2/token",
    jwksUri: "https://id.twitch.tv/oauth2/keys",
    clientId,
    ...(clientSecret === undefined
      ? { clientAuthentication: ClientAuthentication.none }
      : { clientSecret, clientAuthentication: "client_secret_post" as const }),
    complianceFixes: { errorCodes: errors }
  }
}
