/**
 * Meta: client options for Facebook Login.
 *
 * It separates scopes by commas, and sends errors as an object: `{ error: { message, type, code } }`. It issues no refresh
 * tokens. Exchange a user's access token for one that is valid for 60 days with `OAuth2.make` and the grant
 * `fb_exchange_token`.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * A Meta app, and the version of the Graph API.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret"> {
  /** The version of the Graph API, such as `v23.0`. Without one, Meta uses the app's oldest version. */
  readonly version?: string | undefined
}

const names: OptionNames.ShapeOf<Options> = { ...credentialNames, version: true }

/** OAuth error codes by `message`, `error_subcode` and `code`. */
const errors = {
  "Error validating client secret": "invalid_client",
  "This authorization code has been used": "invalid_grant",
  "This authorization code has expired": "invalid_grant",
  "36007": "invalid_grant",
  "36009": "invalid_grant",
  // API Unknown is left out: a wrong secret has the same code.
  "2": "temporarily_unavailable",
  "4": "temporarily_unavailable",
  "17": "temporarily_unavailable",
  "102": "invalid_grant",
  "190": "invalid_grant",
  "341": "temporarily_unavailable"
}

/**
 * Client options for `AuthorizationCode.make` and `OAuth2.make` with Facebook Login.
 *
 * Specification: [manual login flow](https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow),
 * [error handling](https://developers.facebook.com/docs/graph-api/guides/error-handling).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Meta from "@countersign/auth/providers/Meta"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Meta.app({ clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const app = (options: Options): OAuth2.Client & Pick<AuthorizationCode.Options, "authorizationEndpoint"> => {
  const { clientId, clientSecret, version } = OptionNames.known("`Meta.app`", options, names)
  const path = version === undefined ? "" : `/${version}`
  return {
    issuer: "https://www.facebook.com",
    authorizationEndpoint: `https://www.facebook.com${path}/dialog/oauth`,
    tokenEndpoint: `https://graph.facebook.com${path}/oauth/access_token`,
    clientId,
    clientSecret,
    clientAuthentication: "client_secret_post",
    complianceFixes: { scopeSeparator: ",", errorCodes: errors }
  }
}
