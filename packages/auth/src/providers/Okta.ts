/**
 * Okta: the authorization server of an organization, and those that one makes.
 *
 * Tokens of the organization's own server are for Okta's APIs only; an API of one's own needs a custom server, of which there
 * is one called `default`.
 *
 * @since 0.1.0
 */
import type * as OAuth2 from "../OAuth2.js"

/**
 * An application, and the server that it talks to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication" | "dpop"> {
  /** Such as `example.okta.com`, or a domain of one's own. */
  readonly domain: string
  /** The id of a custom authorization server (`default`); false for that of the organization. */
  readonly authorizationServer?: string | false | undefined
}

/**
 * An application's part of any grant's options. Ask for `offline_access` to get a refresh token.
 *
 * Specification: [authorization servers](https://developer.okta.com/docs/concepts/auth-servers/).
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = ({ authorizationServer = "default", domain, ...client }: Options): OAuth2.Client => ({
  ...client,
  issuer: authorizationServer === false ? `https://${domain}` : `https://${domain}/oauth2/${authorizationServer}`
})
