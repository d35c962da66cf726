/**
 * Microsoft Entra ID: client options for a single tenant or for all tenants.
 *
 * - A tenant is identified by its id, because issuers do not contain domain names.
 * - The metadata of `common` and `organizations` contains a pattern for the issuer. The tenant of an ID token (`tid`) is
 *   inserted into it before the comparison.
 * - A service requests everything that it was granted with the scope `.default` of an API.
 * - A middle-tier service acts for a user by a JWT bearer grant with a parameter of Microsoft, and not by a token exchange.
 * - A certificate is identified by its thumbprint.
 * - Refresh tokens are replaced, and the old ones stay valid.
 *
 * @since 0.1.0
 */
import type { TokenError, TokenStoreError } from "../Errors.js"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { CryptoKey } from "jose"
import * as ClientAuthentication from "../ClientAuthentication.js"
import type * as JwtBearer from "../JwtBearer.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An Entra application, and the tenant in which it is registered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication"> {
  /**
   * The directory (tenant) id, a GUID.
   *
   * To sign in users of tenants that are not known in advance, use `organizations`, `consumers`, or `common` for both.
   */
  readonly tenant: string
  /** The host of the authorization server (`login.microsoftonline.com`). National clouds have other hosts. */
  readonly host?: string | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  ...credentialNames,
  clientAuthentication: true,
  tenant: true,
  host: true
}

const defaultHost = "login.microsoftonline.com"

/** The tenant of personal accounts. */
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Fixes for tenants with metadata that does not name the requested tenant. */
const quirksOf = (host: string, tenant: string): OAuth2.ComplianceFixes | undefined => {
  const issuerOf = (id: string) => `https://${host}/${id}/v2.0`
  if (tenant === "consumers") return { metadataIssuer: issuerOf(consumers) }
  if (tenant !== "common" && tenant !== "organizations") return undefined
  return {
    metadataIssuer: issuerOf("{tenantid}"),
    idTokenIssuer: ({ tid }) => (typeof tid === "string" && guid.test(tid) ? issuerOf(tid) : undefined)
  }
}

/**
 * Client options for every grant with Microsoft Entra ID. Request `offline_access` to get a refresh token.
 *
 * With `common` and `organizations`, anyone with a Microsoft account can sign in: accept only users with one of your
 * tenants in the claim `tid`. Without `openid` among the scopes, no response identifies the user.
 *
 * Specification: [OAuth 2.0 in the Microsoft identity platform](https://learn.microsoft.com/entra/identity-platform/v2-protocols),
 * [validating the issuer](https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Entra from "@countersign/auth/providers/Entra"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Entra.client({ tenant: "common", clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = (options: Options): OAuth2.Client => {
  const { host = defaultHost, tenant, ...client } = OptionNames.known("`Entra.client`", options, names)
  return { ...client, issuer: `https://${host}/${tenant}/v2.0`, complianceFixes: quirksOf(host, tenant) }
}

/**
 * A certificate of the application, and its private key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Certificate extends Pick<Options, "tenant" | "host"> {
  /** The certificate's private key, for `PS256` or `RS256`. */
  readonly key: CryptoKey
  /** The SHA-256 hash of the certificate in DER form, in base64url: 43 characters. */
  readonly thumbprint: string
}

const certificateNames: OptionNames.ShapeOf<Certificate> = { tenant: true, host: true, key: true, thumbprint: true }

/**
 * Client authentication with a certificate, for the option `clientAuthentication`. `tenant` must be the tenant id.
 *
 * Specification: [certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials).
 *
 * @since 0.1.0
 * @category constructors
 */
export const certificate = (options: Certificate): ClientAuthentication.ClientAuthentication => {
  const owner = "`Entra.certificate`"
  const { host = defaultHost, key, tenant, thumbprint } = OptionNames.known(owner, options, certificateNames)
  return ClientAuthentication.privateKeyJwt(
    { key },
    { audience: `https://${host}/${tenant}/oauth2/v2.0/token`, header: { typ: "JWT", "x5t#S256": thumbprint } }
  )
}

/**
 * The scope with which a service requests everything that it was granted at an API.
 *
 * @param api - the API's application id URI, such as `https://graph.microsoft.com` or `api://…`.
 * @since 0.1.0
 * @category constructors
 */
export const defaultScope = (api: string): string => `${api}/.default`

/**
 * A middle-tier service that acts for a user.
 *
 * @since 0.1.0
 * @category models
 */
export interface OnBehalfOf<R = never> extends Options {
  /** Gets the token with which the service was called. It runs for each token request. */
  readonly token: Effect.Effect<Redacted.Redacted<string>, TokenError | TokenStoreError, R>
  /** The scopes to request at the API that the service calls. */
  readonly scopes: ReadonlyArray<string>
  /** The name of the user's account in the store, see `JwtBearer.Options`. */
  readonly account?: string | undefined
}

const onBehalfOfNames: OptionNames.ShapeOf<OnBehalfOf> = { ...names, token: true, scopes: true, account: true }

/**
 * Options of `JwtBearer.layer` for a middle-tier service that acts for a user (on-behalf-of flow).
 *
 * Specification: [the on-behalf-of flow](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow).
 *
 * @since 0.1.0
 * @category constructors
 */
export const onBehalfOf = <R = never>(service: OnBehalfOf<R>): JwtBearer.Options<R> => {
  const { account, scopes, token, ...options } = OptionNames.known("`Entra.onBehalfOf`", service, onBehalfOfNames)
  return {
    ...client(options),
    account,
    scopes,
    assertion: token,
    parameters: { requested_token_use: "on_behalf_of" }
  }
}
