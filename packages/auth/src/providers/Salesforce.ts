/**
 * Salesforce: production, sandboxes, and a domain of one's own.
 *
 * It says with the token where the API is (`instance_url`), and not how long the token lives, which the organization's session
 * settings decide: it is replaced when it is refused. Client credentials need a domain of one's own.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import type { PrivateKey } from "../ClientAuthentication.js"
import type * as JwtBearer from "../JwtBearer.js"
import type * as OAuth2 from "../OAuth2.js"
import type { Token } from "../Token.js"

/**
 * An app, and where its organization is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication"> {
  /** `login.salesforce.com` when it is left out, `test.salesforce.com` for sandboxes, or `example.my.salesforce.com`. */
  readonly host?: string | undefined
}

const complianceFixes: OAuth2.ComplianceFixes = {
  extraFields: ["instance_url"],
  // It documents no `scope` for a refresh, and rejects it elsewhere ("scope parameter not supported").
  refreshScope: false,
  errorCodes: {
    app_not_found: "invalid_client",
    invalid_client_credentials: "invalid_client",
    invalid_client_id: "invalid_client",
    rate_limit_exceeded: "temporarily_unavailable"
  }
}

/**
 * An app's part of any grant's options.
 *
 * Specification: [OAuth authorization flows](https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm).
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = ({ host = "login.salesforce.com", ...client }: Options): OAuth2.Client => ({
  ...client,
  issuer: `https://${host}`,
  complianceFixes
})

/**
 * Somebody that a service acts for by a key whose certificate is in the app.
 *
 * @since 0.1.0
 * @category models
 */
export interface ActingFor extends Pick<Options, "clientId" | "host"> {
  readonly key: PrivateKey
  /** The user's name, as they sign in with it. */
  readonly username: string
  /**
   * Whom the assertion is meant for: the host, when it is left out. An organization with a domain of its own may want
   * `https://login.salesforce.com` all the same, or `https://test.salesforce.com` where it is a sandbox.
   */
  readonly audience?: string | undefined
}

/**
 * The options of `JwtBearer.layer`.
 *
 * Specification: [the JWT bearer flow](https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_jwt_flow.htm).
 *
 * @since 0.1.0
 * @category constructors
 */
export const jwtBearer = ({
  clientId,
  host = "login.salesforce.com",
  audience = `https://${host}`,
  key,
  username
}: ActingFor): JwtBearer.Options => ({
  ...client({ clientId, host }),
  assertion: { key, subject: username, audience }
})

/**
 * Where the API of a token is: the base URL of its client.
 *
 * @since 0.1.0
 * @category conversions
 */
export const instanceUrl = ({ extra }: Token): Option.Option<string> =>
  Option.filter(Option.fromNullable(extra?.["instance_url"]), (url) => url.startsWith("https://"))
