/**
 * GitHub: client options for OAuth apps and GitHub Apps, also on GitHub Enterprise Server.
 *
 * - It documents no metadata, sends errors with status 200, and separates the scopes of a response by commas.
 * - OAuth apps get tokens that neither expire nor can be refreshed.
 * - GitHub Apps get tokens for eight hours, with a refresh token for six months that can be used only once. One from the
 *   device grant is refreshed without a secret.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as ClientAuthentication from "../ClientAuthentication.js"
import type * as DeviceCode from "../DeviceCode.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import { normalizeScopes } from "../internal/providers/responseFixes.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An OAuth app or GitHub App, and the host where it is registered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret"> {
  /** The host: `github.com` by default, or that of a GitHub Enterprise Server. */
  readonly host?: string | undefined
}

const names: OptionNames.ShapeOf<Options> = { ...credentialNames, host: true }

const complianceFixes: OAuth2.ComplianceFixes = {
  transformResponse: normalizeScopes,
  errorCodes: {
    bad_refresh_token: "invalid_grant",
    bad_verification_code: "invalid_grant",
    incorrect_client_credentials: "invalid_client",
    incorrect_device_code: "invalid_grant"
  }
}

/** The client options of a sign-in. */
type App = Pick<
  AuthorizationCode.Options & DeviceCode.Options,
  "authorizationEndpoint" | "deviceAuthorizationEndpoint"
> &
  OAuth2.Client

/**
 * GitHub client options for `AuthorizationCode.make`, `DeviceCode.make`, `SignIn` and `RefreshToken.layer`. Without a
 * secret, only the device grant works.
 *
 * Specification: [Authorizing OAuth apps](https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as GitHub from "@countersign/auth/providers/GitHub"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...GitHub.app({ clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const app = (options: Options): App => {
  const { clientId, clientSecret, host = "github.com" } = OptionNames.known("`GitHub.app`", options, names)
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
