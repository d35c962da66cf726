/**
 * HubSpot: client options for apps that users install in their accounts.
 *
 * It publishes no metadata, and sends errors as `{ status, message }` without the member `error`. A refresh token stays
 * valid until the app is uninstalled.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/** OAuth error codes by `status`, or by `message` for responses that contain only a message. */
const errors = {
  BAD_AUTH_CODE: "invalid_grant",
  BAD_CLIENT_ID: "invalid_client",
  BAD_CLIENT_SECRET: "invalid_client",
  BAD_REFRESH_TOKEN: "invalid_grant",
  MISMATCH_REDIRECT_URI_AUTH_CODE: "invalid_grant",
  "missing or invalid refresh token": "invalid_grant",
  "missing or unknown refresh token": "invalid_grant",
  RATE_LIMITS: "temporarily_unavailable"
}

/**
 * Client options for `AuthorizationCode.make`, `SignIn` and `RefreshToken.layer` with HubSpot.
 *
 * Specification: [OAuth v3](https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as HubSpot from "@countersign/auth/providers/HubSpot"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...HubSpot.app({ clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const app = (
  options: Pick<OAuth2.Client, "clientId" | "clientSecret">
): OAuth2.Client & Pick<AuthorizationCode.Options, "authorizationEndpoint"> => {
  const { clientId, clientSecret } = OptionNames.known("`HubSpot.app`", options, credentialNames)
  return {
    issuer: "https://app.hubspot.com",
    authorizationEndpoint: "https://app.hubspot.com/oauth/authorize",
    tokenEndpoint: "https://api.hubapi.com/oauth/v3/token",
    clientId,
    clientSecret,
    clientAuthentication: "client_secret_post",
    complianceFixes: { errorCodes: errors }
  }
}
