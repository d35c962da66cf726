/**
 * OpenID Connect: client options for providers without a module of their own.
 *
 * Examples are Keycloak, Cognito, PingFederate, Zitadel, authentik and GitLab. The metadata of the provider contains all
 * that is needed.
 *
 * @since 0.1.0
 */
import * as OptionNames from "../internal/oauth/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * Client options for every grant, with the scopes that identify the user (`openid`) and keep the user signed in.
 *
 * Specification: [OpenID Connect Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig),
 * [OpenID Connect Core §11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as OpenIdConnect from "@countersign/auth/providers/OpenIdConnect"
 *
 * const signIn = AuthorizationCode.make({
 *   ...OpenIdConnect.client({ issuer: "https://id.example.com", clientId: "web" }),
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @param options - the client; its `scopes` are requested besides `openid` and `offline_access`.
 * @since 0.1.0
 * @category constructors
 */
export const client = (
  options: OAuth2.Client & { readonly scopes?: ReadonlyArray<string> | undefined }
): OAuth2.Client & { readonly scopes: ReadonlyArray<string> } => {
  const { scopes = [], ...client } = OptionNames.known(options)
  return { ...client, scopes: [...new Set(["openid", "offline_access", ...scopes])] }
}
