/**
 * Google: signing somebody in, and service accounts.
 *
 * It gives a refresh token only where `access_type=offline` is asked for, and only with somebody's first consent; of one
 * account and client it keeps the 100 youngest. An ID token may name its issuer without `https://`, and a device is told of a
 * `verification_url`. A service account names its scopes in the assertion.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import type { PrivateKey } from "../ClientAuthentication.js"
import * as ClientAuthentication from "../ClientAuthentication.js"
import type * as JwtBearer from "../JwtBearer.js"
import type * as OAuth2 from "../OAuth2.js"

const issuer = "https://accounts.google.com"
const tokenEndpoint = "https://oauth2.googleapis.com/token"

/** It was there before the specifications, and so were these. */
const complianceFixes: OAuth2.ComplianceFixes = {
  transformResponse: ({ verification_url: url, ...body }) =>
    url === undefined ? body : { verification_uri: url, ...body },
  idTokenIssuer: ({ iss }) => (iss === "accounts.google.com" ? iss : undefined)
}

/**
 * A client's part of the options of `AuthorizationCode.make`, `SignIn` and `RefreshToken.layer`. Somebody is asked for their
 * consent each time, so that there is a refresh token each time; `parameters` of one's own in the place of these do without.
 * Without a secret it is a client of the type _Android_, _iOS_ or _Universal Windows Platform_.
 *
 * Specification: [OAuth 2.0 for web server applications](https://developers.google.com/identity/protocols/oauth2/web-server),
 * [OpenID Connect](https://developers.google.com/identity/openid-connect/reference).
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = ({
  clientId,
  clientSecret
}: Pick<OAuth2.Client, "clientId" | "clientSecret">): OAuth2.Client &
  Pick<AuthorizationCode.Options, "parameters"> => ({
  issuer,
  clientId,
  ...(clientSecret === undefined ? { clientAuthentication: ClientAuthentication.none } : { clientSecret }),
  complianceFixes,
  parameters: { access_type: "offline", prompt: "consent" }
})

/**
 * A client's part of the options of `DeviceCode.make`, `SignIn.withDevice` and `RefreshToken.layer`: one of the type _TVs and
 * Limited Input devices_. It always gets a refresh token, and may ask for few scopes only.
 *
 * Specification: [OAuth 2.0 for TV and limited-input devices](https://developers.google.com/identity/protocols/oauth2/limited-input-device).
 *
 * @since 0.1.0
 * @category constructors
 */
export const device = ({
  clientId,
  clientSecret
}: Pick<OAuth2.Client, "clientId" | "clientSecret">): OAuth2.Client => ({
  issuer,
  clientId,
  clientSecret,
  clientAuthentication: "client_secret_post",
  complianceFixes
})

/**
 * A service account, by what its key file says.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServiceAccount {
  /** `client_email`. */
  readonly email: string
  /** `private_key`, and `private_key_id` as its `kid`. */
  readonly key: PrivateKey
  readonly scopes: ReadonlyArray<string>
  /** Who is acted for, where the account may do so for a whole domain. */
  readonly subject?: string | undefined
}

/**
 * The options of `JwtBearer.layer` for a service account.
 *
 * Specification: [OAuth 2.0 for server to server applications](https://developers.google.com/identity/protocols/oauth2/service-account).
 *
 * @since 0.1.0
 * @category constructors
 */
export const serviceAccount = ({ email, key, scopes, subject }: ServiceAccount): JwtBearer.Options => ({
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
})
