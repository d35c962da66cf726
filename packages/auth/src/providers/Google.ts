/**
 * Google: client options for the sign-in of users, for service accounts, and for workload identity federation.
 *
 * - It issues a refresh token only for `access_type=offline`, and only at the user's first consent. It keeps the latest 100
 *   refresh tokens per account and client.
 * - An ID token may have an issuer without `https://`.
 * - A device gets `verification_url` instead of `verification_uri`.
 * - A service account has its scopes in the assertion.
 * - The token exchange has no clients: the token of the subject is the only credential.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as AuthorizationCode from "../AuthorizationCode.js"
import type { PrivateKey } from "../ClientAuthentication.js"
import * as ClientAuthentication from "../ClientAuthentication.js"
import type { TokenError, TokenStoreError } from "../Errors.js"
import type * as JwtBearer from "../JwtBearer.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"
import * as TokenExchange from "../TokenExchange.js"

const issuer = "https://accounts.google.com"
const tokenEndpoint = "https://oauth2.googleapis.com/token"

/** Google's endpoints are older than the specifications, and so are these members. */
const complianceFixes: OAuth2.ComplianceFixes = {
  transformResponse: ({ verification_url: url, ...body }) =>
    url === undefined ? body : { verification_uri: url, ...body },
  idTokenIssuer: ({ iss }) => (iss === "accounts.google.com" ? iss : undefined)
}

/**
 * Google client options for `AuthorizationCode.make`, `SignIn` and `RefreshToken.layer`.
 *
 * The user is asked for consent at each sign-in, so that each sign-in returns a refresh token. Set other `parameters` to
 * change that. Without a secret, it is a client of the type _Android_, _iOS_ or _Universal Windows Platform_.
 *
 * Specification: [OAuth 2.0 for web server applications](https://developers.google.com/identity/protocols/oauth2/web-server),
 * [OpenID Connect](https://developers.google.com/identity/openid-connect/reference).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Google from "@countersign/auth/providers/Google"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Google.client({ clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = (
  options: Pick<OAuth2.Client, "clientId" | "clientSecret">
): OAuth2.Client & Pick<AuthorizationCode.Options, "parameters"> => {
  const { clientId, clientSecret } = OptionNames.known("`Google.client`", options, credentialNames)
  return {
    issuer,
    clientId,
    ...(clientSecret === undefined ? { clientAuthentication: ClientAuthentication.none } : { clientSecret }),
    complianceFixes,
    parameters: { access_type: "offline", prompt: "consent" }
  }
}

/**
 * Google client options for `DeviceCode.make`, `SignIn.withDevice` and `RefreshToken.layer`: for a client of the type _TVs
 * and Limited Input devices_. It always gets a refresh token, and only a few scopes are allowed.
 *
 * Specification: [OAuth 2.0 for TV and limited-input devices](https://developers.google.com/identity/protocols/oauth2/limited-input-device).
 *
 * @since 0.1.0
 * @category constructors
 */
export const device = (options: Pick<OAuth2.Client, "clientId" | "clientSecret">): OAuth2.Client => {
  const { clientId, clientSecret } = OptionNames.known("`Google.device`", options, credentialNames)
  return {
    issuer,
    clientId,
    clientSecret,
    clientAuthentication: "client_secret_post",
    complianceFixes
  }
}

/**
 * A service account, with the values of its key file.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServiceAccount {
  /** The e-mail address of the service account (`client_email`). */
  readonly email: string
  /** The private key (`private_key`), with `private_key_id` as its `kid`. */
  readonly key: PrivateKey
  /** The scopes to request. They are sent in the assertion. */
  readonly scopes: ReadonlyArray<string>
  /** The user to act for, if the account has domain-wide delegation. */
  readonly subject?: string | undefined
}

const accountNames: OptionNames.ShapeOf<ServiceAccount> = {
  email: true,
  key: { key: true, kid: true },
  scopes: true,
  subject: true
}

/**
 * Options of `JwtBearer.layer` for a Google service account.
 *
 * Specification: [OAuth 2.0 for server to server applications](https://developers.google.com/identity/protocols/oauth2/service-account).
 *
 * @since 0.1.0
 * @category constructors
 */
export const serviceAccount = (account: ServiceAccount): JwtBearer.Options => {
  const { email, key, scopes, subject } = OptionNames.known("`Google.serviceAccount`", account, accountNames)
  return {
    issuer,
    tokenEndpoint,
    clientId: email,
    account: subject ?? email,
    assertion: {
      key,
      issuer: email,
      subject: subject ?? false,
      audience: tokenEndpoint,
      claims: { scope: scopes.join(" ") }
    }
  }
}

/**
 * A process that another platform identifies, and the pool that trusts that platform.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkloadIdentity<R = never> {
  /**
   * The full name of the provider in the workload identity pool:
   * `//iam.googleapis.com/projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>`.
   */
  readonly audience: string
  /**
   * Reads the JWT of this process. It runs for each token request. Unless the provider lists other audiences, the `aud` of the
   * JWT must be `https:` with `audience`.
   */
  readonly token: Effect.Effect<Redacted.Redacted<string>, TokenError | TokenStoreError, R>
  /** The scopes to request, such as `https://www.googleapis.com/auth/cloud-platform`. */
  readonly scopes: ReadonlyArray<string>
  /** The name of the process in the store's key, see `TokenExchange.LayerOptions`. */
  readonly account?: string | undefined
}

const workloadNames: OptionNames.ShapeOf<WorkloadIdentity> = {
  audience: true,
  token: true,
  scopes: true,
  account: true
}

/**
 * Options of `TokenExchange.layer` for a process outside of Google Cloud, without a key of a service account. The roles of Google
 * Cloud are granted to the identity of the process in the pool.
 *
 * Specification: [workload identity federation](https://cloud.google.com/iam/docs/workload-identity-federation),
 * [Security Token Service](https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token).
 *
 * @example
 * import * as GitHubActions from "@countersign/auth/GitHubActions"
 * import * as TokenExchange from "@countersign/auth/TokenExchange"
 * import * as Google from "@countersign/auth/providers/Google"
 *
 * const audience = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci/providers/github"
 *
 * const AuthLive = TokenExchange.layer(
 *   Google.workloadIdentity({
 *     audience,
 *     token: GitHubActions.idToken({ audience: `https:${audience}` }),
 *     scopes: ["https://www.googleapis.com/auth/cloud-platform"]
 *   })
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const workloadIdentity = <R = never>(workload: WorkloadIdentity<R>): TokenExchange.LayerOptions<R> => {
  const { account, audience, scopes, token } = OptionNames.known("`Google.workloadIdentity`", workload, workloadNames)
  return {
    issuer: "https://sts.googleapis.com",
    tokenEndpoint: "https://sts.googleapis.com/v1/token",
    clientId: audience,
    clientAuthentication: ClientAuthentication.anonymous,
    account,
    audience,
    scopes,
    requestedTokenType: TokenExchange.tokenTypes.accessToken,
    subject: TokenExchange.fromJwt(token)
  }
}
