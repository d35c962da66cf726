/**
 * A provider of OpenID Connect that has no module of its own here: Keycloak, Cognito, PingFederate, Zitadel, authentik,
 * GitLab and many more. What it publishes of itself is enough.
 *
 * @since 0.1.0
 */
import type * as OAuth2 from "../OAuth2.js"

/**
 * A client's part of any grant's options, with the scopes by which somebody is known and stays signed in.
 *
 * Specification: [OpenID Connect Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig),
 * [OpenID Connect Core §11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess).
 *
 * @param options - the client; its `scopes` are asked for beside `openid` and `offline_access`.
 * @since 0.1.0
 * @category constructors
 */
export const client = ({
  scopes = [],
  ...client
}: OAuth2.Client & { readonly scopes?: ReadonlyArray<string> | undefined }): OAuth2.Client & {
  readonly scopes: ReadonlyArray<string>
} => ({ ...client, scopes: [...new Set(["openid", "offline_access", ...scopes])] })
