/**
 * Microsoft Entra ID, of one tenant or of any.
 *
 * A tenant is named by its id: a domain's name stands in no issuer. The metadata of `common` and `organizations` have a
 * pattern for an issuer, into which the tenant of an ID token (`tid`) goes before the two are compared. A service asks for all
 * that it was granted by the scope `.default` of an API. A service in the middle acts for somebody by a JWT bearer grant with a
 * parameter of Microsoft's own, which is no token exchange. A certificate is named by its thumbprint. Refresh tokens are
 * replaced, and the old ones stay good.
 *
 * @since 0.1.0
 */
import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as ClientAuthentication from "../ClientAuthentication.js"
import type * as JwtBearer from "../JwtBearer.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An application, and the tenant that it is registered in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication"> {
  /**
   * The directory (tenant) id, a GUID; or, to sign in somebody of a tenant that is not known before, `organizations`,
   * `consumers` or `common`, which is both.
   */
  readonly tenant: string
  /** `login.microsoftonline.com`, when it is left out; national clouds have another one. */
  readonly host?: string | undefined
}

const defaultHost = "login.microsoftonline.com"

/** The tenant of personal accounts. */
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Where the metadata do not name the tenant that they were asked for. */
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
 * An application's part of any grant's options. Ask for `offline_access` to get a refresh token.
 *
 * With `common` and `organizations` anybody who has an account at Microsoft's is signed in: let in only those whose tenant,
 * the claim `tid`, is one of yours. Without `openid` among the scopes nobody says whose it is.
 *
 * Specification: [OAuth 2.0 in the Microsoft identity platform](https://learn.microsoft.com/entra/identity-platform/v2-protocols),
 * [validating the issuer](https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer).
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = ({ host = defaultHost, tenant, ...client }: Options): OAuth2.Client => ({
  ...client,
  issuer: `https://${host}/${tenant}/v2.0`,
  complianceFixes: quirksOf(host, tenant)
})

/**
 * A certificate of the application, and the key that belongs to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Certificate extends Pick<Options, "tenant" | "host"> {
  /** Its private key, for `PS256` or `RS256`. */
  readonly key: CryptoKey
  /** The SHA-256 of its DER form, in base64url: 43 characters. */
  readonly thumbprint: string
}

/**
 * Proves by a certificate who the application is, for `clientAuthentication`. The tenant has to be the one by its id.
 *
 * Specification: [certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials).
 *
 * @since 0.1.0
 * @category constructors
 */
export const certificate = ({
  host = defaultHost,
  key,
  tenant,
  thumbprint
}: Certificate): ClientAuthentication.ClientAuthentication =>
  ClientAuthentication.privateKeyJwt(
    { key },
    { audience: `https://${host}/${tenant}/oauth2/v2.0/token`, header: { typ: "JWT", "x5t#S256": thumbprint } }
  )

/**
 * The scope by which a service asks for all that it was granted at an API.
 *
 * @param api - the API's application id URI, such as `https://graph.microsoft.com` or `api://…`.
 * @since 0.1.0
 * @category constructors
 */
export const defaultScope = (api: string): string => `${api}/.default`

/**
 * Somebody that a service in the middle acts for.
 *
 * @since 0.1.0
 * @category models
 */
export interface OnBehalfOf<R = never> extends Options {
  /** The token that the service was called with: it is asked for anew with each exchange. */
  readonly token: Effect.Effect<Redacted.Redacted<string>, TokenError | TokenStoreError, R>
  readonly scopes: ReadonlyArray<string>
  /** Whose token it is, see `JwtBearer.Options`. */
  readonly account?: string | undefined
}

/**
 * The options of `JwtBearer.layer` for a service in the middle.
 *
 * Specification: [the on-behalf-of flow](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow).
 *
 * @since 0.1.0
 * @category constructors
 */
export const onBehalfOf = <R = never>({ account, scopes, token, ...options }: OnBehalfOf<R>): JwtBearer.Options<R> => ({
  ...client(options),
  account,
  scopes,
  assertion: token,
  parameters: { requested_token_use: "on_behalf_of" }
})
