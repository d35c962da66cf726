/**
 * Spotify: client options for the Spotify Web API.
 *
 * It publishes no metadata, and expects the client id and the secret without form encoding in the `authorization` field. A
 * response without a refresh token means that the old one stays valid. A user has to sign in again after six months.
 *
 * @since 0.1.0
 */
import * as ClientAuthentication from "../ClientAuthentication.js"
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * Spotify client options for `ClientCredentials.layer`, `AuthorizationCode.make`, `SignIn` and `RefreshToken.layer`. Leave
 * out the secret for a program that cannot keep one.
 *
 * Specification: [Authorization](https://developer.spotify.com/documentation/web-api/concepts/authorization),
 * [refreshing tokens](https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Spotify from "@countersign/auth/providers/Spotify"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Spotify.app({ clientId: "web", clientSecret: Redacted.make("secret") }),
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
  const { clientId, clientSecret } = OptionNames.known("`Spotify.app`", options, credentialNames)
  return {
    issuer: "https://accounts.spotify.com",
    authorizationEndpoint: "https://accounts.spotify.com/authorize",
    tokenEndpoint: "https://accounts.spotify.com/api/token",
    clientId,
    clientAuthentication:
      clientSecret === undefined
        ? ClientAuthentication.none
        : ClientAuthentication.clientSecretBasicUnencoded(clientSecret)
  }
}
