/** Platforms for developers, and for machines. */
import { adding, invalidRefreshToken, onlyWithScope, repeating, scopes } from "./commonDeviations.js"
import type { Profile } from "./profile.js"

/** GitHub sends each error with status 200. */
const githubErrors: Readonly<Record<string, string>> = {
  invalid_grant: "bad_verification_code",
  invalid_client: "incorrect_client_credentials"
}

export const github: Profile = {
  name: "github",
  title: "GitHub Apps",
  issuer: "https://github.com/login/oauth",
  endpoints: {
    authorization: "https://github.com/login/oauth/authorize",
    token: "https://github.com/login/oauth/access_token"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "the preset `GitHub.app`",
  deviations: [
    {
      what: "documents no metadata",
      source: "GitHub Docs, Authorizing OAuth apps",
      metadata: []
    },
    {
      what: "a form, unless JSON is accepted",
      source: "GitHub Docs, Authorizing OAuth apps",
      isForm: ({ accept }) => accept?.includes("json") !== true
    },
    {
      what: "errors with status 200 and codes of its own",
      source: "GitHub Docs, Troubleshooting OAuth app access token request errors",
      errorResponse: ({ description, error }, { grantType }) => ({
        status: 200,
        body: {
          error:
            grantType === "refresh_token" && error === "invalid_grant"
              ? "bad_refresh_token"
              : (githubErrors[error] ?? error),
          error_description: description,
          error_uri: "https://docs.github.com"
        }
      })
    },
    {
      what: "scopes with commas",
      source: "GitHub Docs, Scopes for OAuth apps",
      tokenResponse: scopes((list) => list.join(","))
    },
    {
      what: "`refresh_token_expires_in`",
      source: "GitHub Docs, Refreshing user access tokens",
      tokenResponse: adding({ refresh_token_expires_in: 15_897_600 })
    }
  ]
}

export const gitlab: Profile = {
  name: "gitlab",
  title: "GitLab",
  issuer: "https://gitlab.com",
  endpoints: {
    authorization: "https://gitlab.com/oauth/authorize",
    token: "https://gitlab.com/oauth/token",
    revocation: "https://gitlab.com/oauth/revoke",
    jwks: "https://gitlab.com/oauth/discovery/keys"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "its issuer",
  deviations: [
    {
      what: "`created_at` beside the token",
      source: "GitLab Docs, OAuth 2.0 identity provider API",
      tokenResponse: adding({ created_at: 1_607_635_748 })
    },
    {
      what: "a body with the response of the revocation endpoint",
      source: "GitLab Docs, OAuth 2.0 identity provider API: Revoke a token",
      revocationResponse: { status: 200, body: {} }
    }
  ]
}

export const atlassian: Profile = {
  name: "atlassian",
  title: "Atlassian",
  issuer: "https://auth.atlassian.com",
  endpoints: {
    authorization: "https://auth.atlassian.com/authorize",
    token: "https://auth.atlassian.com/oauth/token"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure:
    'its endpoints, the scope `offline_access`, `parameters: { audience: "api.atlassian.com", prompt: "consent" }`, and ' +
    '`complianceFixes: { errorCodes: { "refresh_token is invalid": "invalid_grant" } }`',
  deviations: [
    {
      what: "names no metadata",
      source: "Atlassian Developer, OAuth 2.0 (3LO) apps",
      metadata: []
    },
    {
      what: "a refresh token only with the scope `offline_access`",
      source: "Atlassian Developer, OAuth 2.0 (3LO) apps",
      isOffline: onlyWithScope("offline_access")
    },
    {
      what: "403 `unauthorized_client` for an invalid refresh token",
      source: "raycast/extensions#11836",
      errorResponse: invalidRefreshToken(403, {
        error: "unauthorized_client",
        error_description: "refresh_token is invalid"
      })
    }
  ]
}

export const bitbucket: Profile = {
  name: "bitbucket",
  title: "Bitbucket Cloud",
  issuer: "https://bitbucket.org",
  endpoints: {
    authorization: "https://bitbucket.org/site/oauth2/authorize",
    token: "https://bitbucket.org/site/oauth2/access_token"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: "its endpoints",
  deviations: [
    {
      what: "documents no metadata",
      source: "Atlassian Support, Use OAuth on Bitbucket Cloud",
      metadata: []
    },
    {
      what: "the member `scopes` in place of `scope`",
      source: "stevenmaguire/oauth2-bitbucket#7",
      tokenResponse: ({ scope, ...body }) => (scope === undefined ? body : { ...body, scopes: scope })
    },
    {
      what: "a refresh repeats the refresh token",
      source: "Atlassian Support, Use OAuth on Bitbucket Cloud",
      tokenResponse: repeating
    }
  ]
}

export const supabase: Profile = {
  name: "supabase",
  title: "Supabase Management API",
  issuer: "https://api.supabase.com",
  endpoints: {
    authorization: "https://api.supabase.com/v1/oauth/authorize",
    token: "https://api.supabase.com/v1/oauth/token"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "the preset `Supabase.app`",
  deviations: [
    {
      what: "status 201 with a token",
      source: "modelcontextprotocol/python-sdk#1502",
      status: 201
    },
    {
      what: "errors as `{ message }`",
      source: "supabase/auth#2136",
      errorResponse: invalidRefreshToken(400, { message: "Invalid refresh token" })
    }
  ]
}

export const crowdstrike: Profile = {
  name: "crowdstrike",
  title: "CrowdStrike Falcon",
  issuer: "https://api.crowdstrike.com",
  endpoints: {
    token: "https://api.crowdstrike.com/oauth2/token",
    revocation: "https://api.crowdstrike.com/oauth2/revoke"
  },
  grant: "client_credentials",
  refresh: "none",
  configure: "its endpoints",
  deviations: [
    {
      what: "status 201 with a token",
      source: "panva/openid-client#666",
      status: 201
    }
  ]
}
