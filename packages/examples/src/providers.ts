/** Client options for common providers. */
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as Auth0 from "@countersign/auth/providers/Auth0"
import * as Entra from "@countersign/auth/providers/Entra"
import * as GitHub from "@countersign/auth/providers/GitHub"
import * as Google from "@countersign/auth/providers/Google"
import * as Okta from "@countersign/auth/providers/Okta"
import * as OpenIdConnect from "@countersign/auth/providers/OpenIdConnect"
import * as Salesforce from "@countersign/auth/providers/Salesforce"
import * as Slack from "@countersign/auth/providers/Slack"
import * as Spotify from "@countersign/auth/providers/Spotify"
import type * as Redacted from "effect/Redacted"

const redirectUri = "https://app.example.com/callback"

/** The application reads these secrets from its `Config`. */
export interface Secrets {
  readonly clientSecret: Redacted.Redacted<string>
  /** A private key: `jose.importPKCS8(pem, "RS256")`. */
  readonly key: CryptoKey
}

export const signInWithGitHub = ({ clientSecret }: Secrets) =>
  // #region github
  AuthorizationCode.make({
    ...GitHub.app({ clientId: "Iv1.0123456789abcdef", clientSecret }),
    scopes: ["repo"],
    redirectUri
  })
// #endregion

export const signInWithGoogle = ({ clientSecret }: Secrets) =>
  // #region google
  AuthorizationCode.make({
    ...Google.client({ clientId: "1.apps.googleusercontent.com", clientSecret }),
    scopes: ["openid", "https://www.googleapis.com/auth/drive.readonly"],
    redirectUri
  })
// #endregion

export const googleServiceAccount = ({ key }: Secrets) =>
  // #region google-service-account
  JwtBearer.layer(
    Google.serviceAccount({
      email: "robot@project.iam.gserviceaccount.com",
      key: { key, kid: "the private_key_id" },
      scopes: ["https://www.googleapis.com/auth/cloud-platform"]
    })
  )
// #endregion

export const entraService = ({ clientSecret }: Secrets) =>
  // #region entra
  ClientCredentials.layer({
    ...Entra.client({ tenant: "11111111-2222-3333-4444-555555555555", clientId: "the application id", clientSecret }),
    scopes: [Entra.defaultScope("https://graph.microsoft.com")]
  })
// #endregion

export const entraServiceWithCertificate = ({ key }: Secrets) => {
  const tenant = "11111111-2222-3333-4444-555555555555"
  const thumbprint = "A1bC2dE3fH4iJ5kL6mN7oP8qR9sT0uA1bC2dE3fH4iJ"
  // #region entra-certificate
  return ClientCredentials.layer({
    ...Entra.client({
      tenant,
      clientId: "the application id",
      clientAuthentication: Entra.certificate({ tenant, key, thumbprint })
    }),
    scopes: [Entra.defaultScope("https://graph.microsoft.com")]
  })
  // #endregion
}

export const signInOfAnyTenant = ({ clientSecret }: Secrets) =>
  // #region entra-any-tenant
  AuthorizationCode.make({
    ...Entra.client({ tenant: "organizations", clientId: "the application id", clientSecret }),
    scopes: ["openid", "offline_access", "User.Read"],
    redirectUri
  })
// #endregion

export const oktaService = ({ clientSecret }: Secrets) =>
  // #region okta
  ClientCredentials.layer({
    ...Okta.client({ domain: "example.okta.com", clientId: "0oa…", clientSecret }),
    scopes: ["read"]
  })
// #endregion

export const auth0Service = ({ clientSecret }: Secrets) =>
  // #region auth0
  ClientCredentials.layer(
    Auth0.client({
      domain: "example.eu.auth0.com",
      audience: "https://api.example.com",
      clientId: "the client id",
      clientSecret
    })
  )
// #endregion

export const installInSlack = ({ clientSecret }: Secrets) =>
  // #region slack
  AuthorizationCode.make({
    ...Slack.bot({ clientId: "1.2", clientSecret }),
    scopes: ["commands", "chat:write"],
    redirectUri
  })
// #endregion

export const slackDesktop = () =>
  // #region slack-user
  AuthorizationCode.make({
    ...Slack.user({ clientId: "1.2", userScopes: ["search:read"] }),
    redirectUri: "com.example.app:/signed-in"
  })
// #endregion

export const salesforceService = ({ key }: Secrets) =>
  // #region salesforce
  JwtBearer.layer(
    Salesforce.jwtBearer({
      host: "example.my.salesforce.com",
      clientId: "3MVG9…",
      username: "robot@example.com",
      key: { key }
    })
  )
// #endregion

export const spotifyService = ({ clientSecret }: Secrets) =>
  // #region spotify
  ClientCredentials.layer(Spotify.app({ clientId: "the client id", clientSecret }))
// #endregion

export const signInAnywhere = ({ clientSecret }: Secrets) =>
  // #region openid-connect
  AuthorizationCode.make({
    ...OpenIdConnect.client({ issuer: "https://id.example.com/realms/main", clientId: "app", clientSecret }),
    redirectUri
  })
// #endregion
