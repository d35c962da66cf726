/**
 * Spotify.
 *
 * It publishes no metadata for its Web API, takes id and secret as they are in the Authorization field, and leaves the refresh
 * token out of an answer where the old one stays good. Six months after somebody has signed in they have to do so again.
 *
 * @since 0.1.0
 */
import * as ClientAuthentication from "../ClientAuthentication.js"
import type * as AuthorizationCode from "../AuthorizationCode.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An app's part of the options of `ClientCredentials.layer`, `AuthorizationCode.make`, `SignIn` and `RefreshToken.layer`.
 * Without a secret it is a program that can keep none.
 *
 * Specification: [Authorization](https://developer.spotify.com/documentation/web-api/concepts/authorization),
 * [refreshing tokens](https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens).
 *
 * @since 0.1.0
 * @category constructors
 */
export const app = ({
  clientId,
  clientSecret
}: Pick<OAuth2.Client, "clientId" | "clientSecret">): OAuth2.Client &
  Pick<AuthorizationCode.Options, "authorizationEndpoint"> => ({
  issuer: "https://accounts.spotify.com",
  authorizationEndpoint: "https://accounts.spotify.com/authorize",
  tokenEndpoint: "https://accounts.spotify.com/api/token",
  clientId,
  clientAuthentication:
    clientSecret === undefined
      ? ClientAuthentication.none
      : ClientAuthentication.clientSecretBasicUnencoded(clientSecret)
})
