/**
 * Fitbit: client options for the Fitbit Web API.
 *
 * It publishes no metadata, and sends errors as a list: `{ errors: [{ errorType, message }], success: false }`. The types
 * are OAuth error codes. A refresh token can be used only once.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as ClientAuthentication from "../ClientAuthentication.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * Fitbit client options for `AuthorizationCode.make`, `SignIn` and `RefreshToken.layer`. An app without a secret has the
 * type _Client_.
 *
 * Specification: [Authorization](https://dev.fitbit.com/build/reference/web-api/authorization/),
 * [error handling](https://dev.fitbit.com/build/reference/web-api/troubleshooting-guide/error-handling/).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Fitbit from "@countersign/auth/providers/Fitbit"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Fitbit.app({ clientId: "web", clientSecret: Redacted.make("secret") }),
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
  const { clientId, clientSecret } = OptionNames.known("`Fitbit.app`", options, credentialNames)
  return {
    issuer: "https://www.fitbit.com",
    authorizationEndpoint: "https://www.fitbit.com/oauth2/authorize",
    tokenEndpoint: "https://api.fitbit.com/oauth2/token",
    clientId,
    ...(clientSecret === undefined ? { clientAuthentication: ClientAuthentication.none } : { clientSecret }),
    complianceFixes: { errorCodes: { invalid_auth_code: "invalid_grant", request_timeout: "temporarily_unavailable" } }
  }
}
