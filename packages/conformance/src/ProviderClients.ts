/** The client options for each provider: its preset, or the options that its profile requires. */
import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as Auth0 from "@countersign/auth/providers/Auth0"
import * as Entra from "@countersign/auth/providers/Entra"
import * as Fitbit from "@countersign/auth/providers/Fitbit"
import * as GitHub from "@countersign/auth/providers/GitHub"
import * as Google from "@countersign/auth/providers/Google"
import * as HubSpot from "@countersign/auth/providers/HubSpot"
import * as Meta from "@countersign/auth/providers/Meta"
import * as Okta from "@countersign/auth/providers/Okta"
import * as OpenIdConnect from "@countersign/auth/providers/OpenIdConnect"
import * as Salesforce from "@countersign/auth/providers/Salesforce"
import * as Slack from "@countersign/auth/providers/Slack"
import * as Spotify from "@countersign/auth/providers/Spotify"
import * as Supabase from "@countersign/auth/providers/Supabase"
import * as Twitch from "@countersign/auth/providers/Twitch"
import type { Profile, profiles } from "@countersign/testing/OAuthServer"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"

/** Characters that a form, a header and a body encode in different ways. */
export const secret = "canary:s/e+c%r t"

export const clientId = "client"

export const redirectUri = "https://app.example/callback"

const registered = { clientId, clientSecret: Redacted.make(secret) }

/** Client options for a provider. */
type Options = Omit<AuthorizationCode.Options, "redirectUri">

type Configure = (profile: Profile) => Options

/** The endpoints as options, for a provider without metadata. */
const named = ({ endpoints, issuer }: Profile): Options => ({
  ...registered,
  issuer,
  tokenEndpoint: endpoints.token,
  authorizationEndpoint: endpoints.authorization,
  scopes: ["read", "write"]
})

const inBody = { clientAuthentication: "client_secret_post" } as const

const withCommas = { scopeSeparator: "," } as const

const identified =
  (scopes: ReadonlyArray<string>): Configure =>
  ({ issuer }) => ({ ...registered, issuer, scopes })

const discovered: Configure = ({ issuer }) => OpenIdConnect.client({ ...registered, issuer })

const hostOf = ({ issuer }: Profile): string => new URL(issuer).hostname

const entra: Configure = ({ issuer }) => ({
  ...Entra.client({ ...registered, tenant: new URL(issuer).pathname.split("/")[1] ?? "" }),
  scopes: ["openid", "offline_access", "User.Read"]
})

/** Strava names the invalid value in `resource`. */
const strava: NonNullable<OAuth2.ComplianceFixes["transformResponse"]> = (body) => {
  const errors: ReadonlyArray<unknown> = Array.isArray(body["errors"]) ? body["errors"] : []
  const resource = Predicate.isRecord(errors[0]) ? errors[0]["resource"] : undefined
  const isGrant = resource === "RefreshToken" || resource === "AuthorizationCode"
  return isGrant ? { ...body, error: "invalid_grant" } : body
}

const mapping = (errors: Readonly<Record<string, string>>): Pick<OAuth2.Client, "complianceFixes"> => ({
  complianceFixes: { errorCodes: errors }
})

/** By the export name of the profile. */
export const clients: { readonly [Name in keyof typeof profiles]: Configure } = {
  atlassian: (profile) => ({
    ...named(profile),
    scopes: ["read:me", "offline_access"],
    parameters: { audience: "api.atlassian.com", prompt: "consent" },
    ...mapping({ "refresh_token is invalid": "invalid_grant" })
  }),
  auth0: (profile) => ({
    ...Auth0.client({ ...registered, domain: hostOf(profile), audience: "https://api.example" }),
    scopes: ["openid", "offline_access"]
  }),
  authentik: discovered,
  bitbucket: named,
  cognito: identified(["openid", "email"]),
  crowdstrike: named,
  dropbox: (profile) => ({ ...named(profile), parameters: { token_access_type: "offline" } }),
  entra,
  entraOrganizations: entra,
  fitbit: () => ({ ...Fitbit.app(registered), scopes: ["activity", "sleep"] }),
  github: () => ({ ...GitHub.app(registered), scopes: ["repo", "user"] }),
  gitlab: identified(["openid", "read_user"]),
  google: () => ({ ...Google.client(registered), scopes: ["openid", "email"] }),
  hubspot: () => ({ ...HubSpot.app(registered), scopes: ["oauth", "content"] }),
  keycloak: discovered,
  linkedin: (profile) => ({ ...identified(["openid", "profile"])(profile), complianceFixes: { nonce: false } }),
  logto: (profile) => ({ ...discovered(profile), parameters: { prompt: "consent" } }),
  meta: () => ({ ...Meta.app({ ...registered, version: "v23.0" }), scopes: ["public_profile", "email"] }),
  netatmo: (profile) => ({ ...named(profile), ...inBody }),
  okta: (profile) => ({
    ...Okta.client({ ...registered, domain: hostOf(profile) }),
    scopes: ["openid", "offline_access"]
  }),
  quickbooks: named,
  reddit: (profile) => ({ ...named(profile), parameters: { duration: "permanent" } }),
  salesforce: () => ({ ...Salesforce.client(registered), scopes: ["api", "refresh_token"] }),
  shopify: (profile) => ({
    ...named(profile),
    ...inBody,
    complianceFixes: {
      ...withCommas,
      errorCodes: { "The authorization code was not found or was already used": "invalid_grant" }
    }
  }),
  slack: () => ({ ...Slack.bot(registered), scopes: ["chat:write", "channels:read"] }),
  slackUser: () => Slack.user({ ...registered, userScopes: ["chat:write", "users:read"] }),
  spotify: () => ({ ...Spotify.app(registered), scopes: ["user-read-email", "playlist-read-private"] }),
  strava: (profile) => ({
    ...named(profile),
    ...inBody,
    complianceFixes: { ...withCommas, transformResponse: strava }
  }),
  supabase: () => Supabase.app(registered),
  twitch: () => ({ ...Twitch.app(registered), scopes: ["user:read:email", "bits:read"] }),
  x: (profile) => ({
    ...named(profile),
    scopes: ["users.read", "offline.access"],
    ...mapping({ "Value passed for the token was invalid.": "invalid_grant" })
  }),
  xero: discovered,
  zitadel: discovered,
  zoho: (profile) => ({
    ...named(profile),
    ...inBody,
    parameters: { access_type: "offline" },
    complianceFixes: { ...withCommas, errorCodes: { invalid_code: "invalid_grant" } }
  }),
  zoom: named
}
