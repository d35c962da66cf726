/** Accounts of Google and Microsoft. */
import { invalidGrant, onlyWith } from "./commonDeviations.js"
import type { Profile } from "./profile.js"

export const google: Profile = {
  name: "google",
  title: "Google",
  issuer: "https://accounts.google.com",
  endpoints: {
    authorization: "https://accounts.google.com/o/oauth2/v2/auth",
    token: "https://oauth2.googleapis.com/token",
    revocation: "https://oauth2.googleapis.com/revoke",
    jwks: "https://www.googleapis.com/oauth2/v3/certs"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: "the preset `Google.client`",
  deviations: [
    {
      what: "a refresh token only with `access_type=offline`",
      source: "Google Identity, Using OAuth 2.0 for Web Server Applications",
      isOffline: onlyWith("access_type", "offline")
    },
    {
      what: "ID tokens name their issuer without `https://`",
      source: "Google Identity, OpenID Connect: An ID token's payload",
      idToken: (claims) => ({ ...claims, iss: "accounts.google.com" })
    }
  ]
}

const tenant = "0f3e2d1c-4b5a-4968-8776-655443322110"

const entraErrors = invalidGrant(400, () => ({
  error: "invalid_grant",
  error_description: "AADSTS70008: The refresh token has expired due to inactivity.",
  error_codes: [70008],
  timestamp: "2026-01-01 00:00:00Z",
  trace_id: "0000aaaa-11bb-cccc-dd22-eeeeee333333",
  correlation_id: "aaaa0000-bb11-2222-33cc-444444dddddd"
}))

const needsScope = {
  status: 400,
  body: {
    error: "invalid_request",
    error_description: "AADSTS900144: The request body must contain the following parameter: 'scope'."
  }
}

const withoutResource = {
  status: 400,
  body: {
    error: "invalid_target",
    error_description: "AADSTS9010010: The resource parameter does not match with the requested scopes."
  }
}

const entraOf = (name: string, title: string, path: string): Omit<Profile, "deviations"> => ({
  name,
  title,
  issuer: `https://login.microsoftonline.com/${path}/v2.0`,
  endpoints: {
    authorization: `https://login.microsoftonline.com/${path}/oauth2/v2.0/authorize`,
    token: `https://login.microsoftonline.com/${path}/oauth2/v2.0/token`,
    jwks: `https://login.microsoftonline.com/${path}/discovery/v2.0/keys`
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "the preset `Entra.client`"
})

const entraDeviations: Profile["deviations"] = [
  {
    what: "`error_codes` as a list and other members beside an error",
    source: "Microsoft identity platform, Error codes in OAuth 2.0 authorization code flow",
    errorResponse: entraErrors
  },
  {
    what: "rejects a refresh without `scope`",
    source: "anthropics/claude-code#89862, modelcontextprotocol/rust-sdk#624",
    rejects: ({ form, grantType }) => (grantType === "refresh_token" && !form.has("scope") ? needsScope : undefined)
  },
  {
    what: "rejects `resource`",
    source: "anthropics/claude-code#73460",
    rejects: ({ form }) => (form.has("resource") ? withoutResource : undefined)
  }
]

export const entra: Profile = {
  ...entraOf("entra", "Microsoft Entra ID, one tenant", tenant),
  deviations: entraDeviations
}

export const entraOrganizations: Profile = {
  ...entraOf("entra-organizations", "Microsoft Entra ID, any tenant", "organizations"),
  deviations: [
    ...entraDeviations,
    {
      what: "the metadata name a pattern for the issuer, ID tokens that of their tenant",
      source: "Microsoft identity platform, Access tokens: Validate the issuer",
      settings: { metadata: { issuer: "https://login.microsoftonline.com/{tenantid}/v2.0" } },
      idToken: (claims) => ({ ...claims, iss: `https://login.microsoftonline.com/${tenant}/v2.0`, tid: tenant })
    }
  ]
}
