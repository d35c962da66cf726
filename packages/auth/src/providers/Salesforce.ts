/**
 * Salesforce: client options for production, sandboxes and My Domain hosts.
 *
 * A token response contains the URL of the API (`instance_url`), but not the lifetime of the token. That is a session
 * setting of the organization. The token is therefore replaced when it is rejected. Client credentials need a My Domain
 * host.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import type { PrivateKey } from "../ClientAuthentication.js"
import type * as JwtBearer from "../JwtBearer.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"
import type { Token } from "../Token.js"

/**
 * A Salesforce app, and the host of its organization.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication"> {
  /**
   * The login host: `login.salesforce.com` by default, `test.salesforce.com` for sandboxes, or `example.my.salesforce.com`.
   */
  readonly host?: string | undefined
}

const names: OptionNames.ShapeOf<Options> = { ...credentialNames, clientAuthentication: true, host: true }

const complianceFixes: OAuth2.ComplianceFixes = {
  extraFields: ["instance_url"],
  // `scope` is not documented for a refresh, and is rejected in other grants ("scope parameter not supported").
  refreshScope: false,
  errorCodes: {
    app_not_found: "invalid_client",
    invalid_client_credentials: "invalid_client",
    invalid_client_id: "invalid_client",
    rate_limit_exceeded: "temporarily_unavailable"
  }
}

/**
 * Client options for every grant with Salesforce.
 *
 * Specification: [OAuth authorization flows](https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Salesforce from "@countersign/auth/providers/Salesforce"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Salesforce.client({ clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = (options: Options): OAuth2.Client => {
  const { host = "login.salesforce.com", ...client } = OptionNames.known("`Salesforce.client`", options, names)
  return { ...client, issuer: `https://${host}`, complianceFixes }
}

/**
 * A service that acts for a user with a private key. The app contains the certificate.
 *
 * @since 0.1.0
 * @category models
 */
export interface ActingFor extends Pick<Options, "clientId" | "host"> {
  /** The private key that signs the assertion. */
  readonly key: PrivateKey
  /** The user name with which the user signs in. */
  readonly username: string
  /**
   * The audience of the assertion (`https://` and the host).
   *
   * An organization with a My Domain host may still need `https://login.salesforce.com`, or `https://test.salesforce.com`
   * for a sandbox.
   */
  readonly audience?: string | undefined
}

const actingForNames: OptionNames.ShapeOf<ActingFor> = {
  clientId: true,
  host: true,
  key: true,
  username: true,
  audience: true
}

/**
 * Options of `JwtBearer.layer` for a service that acts for a Salesforce user.
 *
 * Specification: [the JWT bearer flow](https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_jwt_flow.htm).
 *
 * @since 0.1.0
 * @category constructors
 */
export const jwtBearer = (user: ActingFor): JwtBearer.Options => {
  const {
    clientId,
    host = "login.salesforce.com",
    key,
    username
  } = OptionNames.known("`Salesforce.jwtBearer`", user, actingForNames)
  const { audience = `https://${host}` } = user
  return { ...client({ clientId, host }), assertion: { key, subject: username, audience } }
}

/**
 * The URL of the API that a token is for (`instance_url`): use it as the base URL of the client.
 *
 * @since 0.1.0
 * @category conversions
 */
export const instanceUrl = ({ extra }: Token): Option.Option<string> =>
  Option.filter(Option.fromNullable(extra?.["instance_url"]), (url) => url.startsWith("https://"))
