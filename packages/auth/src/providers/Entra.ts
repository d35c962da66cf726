/**
 * Microsoft Entra ID, of one tenant.
 *
 * A tenant is named by its id: the issuers of `common` and `organizations` are patterns that no token is issued by, and a
 * domain's name stands in no issuer either. A service asks for all that it was granted by the scope `.default` of an API. A
 * service in the middle acts for somebody by a JWT bearer grant with a parameter of Microsoft's own, which is no token
 * exchange. Refresh tokens are replaced, and the old ones stay good.
 *
 * @since 0.1.0
 */
import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as JwtBearer from "../JwtBearer.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An application, and the tenant that it is registered in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication"> {
  /** The directory (tenant) id, a GUID. */
  readonly tenant: string
  /** `login.microsoftonline.com`, when it is left out; national clouds have another one. */
  readonly host?: string | undefined
}

/**
 * An application's part of any grant's options. Ask for `offline_access` to get a refresh token.
 *
 * Specification: [OAuth 2.0 in the Microsoft identity platform](https://learn.microsoft.com/entra/identity-platform/v2-protocols).
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = ({ host = "login.microsoftonline.com", tenant, ...client }: Options): OAuth2.Client => ({
  ...client,
  issuer: `https://${host}/${tenant}/v2.0`
})

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
