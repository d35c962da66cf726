/** Identity providers: OpenID Connect, with metadata. */
import { adding, invalidGrant, onlyWith, without } from "./commonDeviations.js"
import type { Profile } from "./profile.js"

const preset = (name: string): string => `the preset \`${name}\``

export const auth0: Profile = {
  name: "auth0",
  title: "Auth0",
  issuer: "https://example.eu.auth0.com/",
  endpoints: {
    authorization: "https://example.eu.auth0.com/authorize",
    token: "https://example.eu.auth0.com/oauth/token",
    revocation: "https://example.eu.auth0.com/oauth/revoke",
    jwks: "https://example.eu.auth0.com/.well-known/jwks.json"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: preset("Auth0.client"),
  deviations: [
    {
      what: "the issuer ends with a slash",
      source: "Auth0 Docs, Validate JSON Web Tokens: iss"
    },
    {
      what: "403 for an invalid refresh token",
      source: "auth0/Auth0.swift#819 (the body), Auth0 Community, Unknown or invalid refresh token (the status)",
      errorResponse: invalidGrant(403, () => ({
        error: "invalid_grant",
        error_description: "Unknown or invalid refresh token."
      }))
    }
  ]
}

export const okta: Profile = {
  name: "okta",
  title: "Okta",
  issuer: "https://example.okta.com/oauth2/default",
  endpoints: {
    authorization: "https://example.okta.com/oauth2/default/v1/authorize",
    token: "https://example.okta.com/oauth2/default/v1/token",
    revocation: "https://example.okta.com/oauth2/default/v1/revoke",
    jwks: "https://example.okta.com/oauth2/default/v1/keys"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: preset("Okta.client"),
  deviations: [
    {
      what: "a used refresh token is accepted for another 30 seconds",
      source: "Okta Developer, Refresh access tokens and rotate refresh tokens",
      settings: { reuseGrace: 30_000 }
    }
  ]
}

const realm = "https://keycloak.example.com/realms/example"

export const keycloak: Profile = {
  name: "keycloak",
  title: "Keycloak",
  issuer: realm,
  endpoints: {
    authorization: `${realm}/protocol/openid-connect/auth`,
    token: `${realm}/protocol/openid-connect/token`,
    revocation: `${realm}/protocol/openid-connect/revoke`,
    jwks: `${realm}/protocol/openid-connect/certs`
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: preset("OpenIdConnect.client"),
  deviations: [
    {
      what: "further members beside the token: `refresh_expires_in`, `not-before-policy`, `session_state`",
      source: "Keycloak, class AccessTokenResponse",
      tokenResponse: adding({ refresh_expires_in: 0, "not-before-policy": 0, session_state: "c0ffee" })
    },
    {
      what: "`session_state` and `iss` in the redirect",
      source: "Keycloak Upgrading Guide, Authorization response with iss and session_state",
      settings: {
        redirect: { session_state: "c0ffee", iss: realm },
        metadata: { authorization_response_iss_parameter_supported: true }
      }
    }
  ]
}

const pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example"

export const cognito: Profile = {
  name: "cognito",
  title: "Amazon Cognito",
  issuer: pool,
  endpoints: {
    authorization: "https://example.auth.eu-west-1.amazoncognito.com/oauth2/authorize",
    token: "https://example.auth.eu-west-1.amazoncognito.com/oauth2/token",
    revocation: "https://example.auth.eu-west-1.amazoncognito.com/oauth2/revoke",
    jwks: `${pool}/.well-known/jwks.json`
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: "its issuer; no `offline_access`, which is not one of its scopes",
  deviations: [
    {
      what: "400 where it has no metadata (RFC 8414)",
      source: "modelcontextprotocol/typescript-sdk#804",
      wellKnownStatus: 400
    },
    {
      what: "no `scope` beside the token",
      source: "Amazon Cognito Developer Guide, The token issuer endpoint",
      tokenResponse: without("scope")
    },
    {
      what: "does not read `+` as a space in `scope`",
      source: "better-auth/better-auth#6929",
      rejectsAuthorization: (_, query) => (/[?&]scope=[^&]*\+/.test(query) ? "invalid_scope" : undefined)
    }
  ]
}

export const zitadel: Profile = {
  name: "zitadel",
  title: "Zitadel",
  issuer: "https://example.zitadel.cloud",
  endpoints: {
    authorization: "https://example.zitadel.cloud/oauth/v2/authorize",
    token: "https://example.zitadel.cloud/oauth/v2/token",
    revocation: "https://example.zitadel.cloud/oauth/v2/revoke",
    jwks: "https://example.zitadel.cloud/oauth/v2/keys"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: preset("OpenIdConnect.client"),
  deviations: [
    {
      what: "ID tokens for a list of audiences, the project among them, with `azp`",
      source: "BookStackApp/BookStack#4147",
      idToken: (claims) => ({ ...claims, aud: [claims["aud"], "project"], azp: claims["aud"] })
    }
  ]
}

export const logto: Profile = {
  name: "logto",
  title: "Logto",
  issuer: "https://example.logto.app/oidc",
  endpoints: {
    authorization: "https://example.logto.app/oidc/auth",
    token: "https://example.logto.app/oidc/token",
    revocation: "https://example.logto.app/oidc/token/revocation",
    jwks: "https://example.logto.app/oidc/jwks"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: `${preset("OpenIdConnect.client")} and \`parameters: { prompt: "consent" }\``,
  deviations: [
    {
      what: "a refresh token only with `prompt=consent`",
      source: "Logto, issueRefreshToken in core/src/oidc/init.ts; OpenID Connect Core §11",
      isOffline: onlyWith("prompt", "consent")
    }
  ]
}

const application = "https://authentik.example.com/application/o"

export const authentik: Profile = {
  name: "authentik",
  title: "authentik",
  issuer: `${application}/example/`,
  endpoints: {
    authorization: `${application}/authorize/`,
    token: `${application}/token/`,
    revocation: `${application}/revoke/`,
    jwks: `${application}/example/jwks/`
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: `${preset("OpenIdConnect.client")}, with the slash at the end of \`issuer\``,
  deviations: [
    {
      what: "the issuer ends with a slash",
      source: "nextauthjs/next-auth#12510, dani-garcia/vaultwarden#6770"
    }
  ]
}
