/**
 * Okta: client options for the authorization server of an organization, and for custom authorization servers.
 *
 * Tokens of the organization's server are only for the APIs of Okta. Your own API needs a custom server; one is called
 * `default`.
 *
 * @since 0.1.0
 */
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An Okta application, and its authorization server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication" | "dpop"> {
  /** The domain of the organization such as `example.okta.com`, or a custom domain. */
  readonly domain: string
  /** The id of a custom authorization server (`default`), or `false` for the server of the organization. */
  readonly authorizationServer?: string | false | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  ...credentialNames,
  clientAuthentication: true,
  dpop: true,
  domain: true,
  authorizationServer: true
}

/**
 * Client options for every grant with Okta. Request `offline_access` to get a refresh token.
 *
 * Specification: [authorization servers](https://developer.okta.com/docs/concepts/auth-servers/).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Okta from "@countersign/auth/providers/Okta"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Okta.client({ domain: "example.okta.com", clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = (options: Options): OAuth2.Client => {
  const { authorizationServer = "default", domain, ...client } = OptionNames.known("`Okta.client`", options, names)
  return {
    ...client,
    issuer: authorizationServer === false ? `https://${domain}` : `https://${domain}/oauth2/${authorizationServer}`
  }
}
