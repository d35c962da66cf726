/** Social networks, music and games. */
import {
  invalidGrant,
  invalidRefreshToken,
  onlyWith,
  onlyWithScope,
  repeating,
  scopes,
  without
} from "./commonDeviations.js"
import type { Profile } from "./profile.js"

export const twitch: Profile = {
  name: "twitch",
  title: "Twitch",
  issuer: "https://id.twitch.tv/oauth2",
  endpoints: {
    authorization: "https://id.twitch.tv/oauth2/authorize",
    token: "https://id.twitch.tv/oauth2/token",
    revocation: "https://id.twitch.tv/oauth2/revoke",
    jwks: "https://id.twitch.tv/oauth2/keys"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: "the preset `Twitch.app`, and `revocationEndpoint`",
  deviations: [
    {
      what: "scopes as a list",
      source: "logto-io/logto#6980, ramosbugs/oauth2-rs#269",
      tokenResponse: scopes((list) => list)
    },
    {
      what: "errors as `{ status, message }`",
      source: "twitchdev/issues#1042",
      errorResponse: invalidRefreshToken(400, { error: "Bad Request", status: 400, message: "Invalid refresh token" })
    },
    {
      what: "a refresh repeats the refresh token",
      source: "Twitch Developers, Refreshing Access Tokens",
      tokenResponse: repeating
    }
  ]
}

/** X requires HTTP Basic for confidential clients. */
const unauthorized = {
  status: 401,
  body: { error: "unauthorized_client", error_description: "Missing valid authorization header" }
}

export const x: Profile = {
  name: "x",
  title: "X",
  issuer: "https://api.x.com",
  endpoints: {
    authorization: "https://x.com/i/oauth2/authorize",
    token: "https://api.x.com/2/oauth2/token",
    revocation: "https://api.x.com/2/oauth2/revoke"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure:
    "its endpoints, the scope `offline.access`, and " +
    '`complianceFixes: { errorCodes: { "Value passed for the token was invalid.": "invalid_grant" } }`',
  deviations: [
    {
      what: "documents no metadata",
      source: "X Developer Platform, OAuth 2.0 Authorization Code Flow with PKCE",
      metadata: []
    },
    {
      what: "a refresh token only with the scope `offline.access`",
      source: "X Developer Platform, OAuth 2.0 Authorization Code Flow with PKCE",
      isOffline: onlyWithScope("offline.access")
    },
    {
      what: "a confidential client has to use HTTP Basic",
      source: "unasuke/omniauth-twitter2#4, better-auth/better-auth#2095",
      rejects: ({ basic, form }) => (!basic && form.has("client_secret") ? unauthorized : undefined)
    },
    {
      what: "`invalid_request` for an invalid code or refresh token",
      source: "plhery/node-twitter-api-v2#496",
      errorResponse: invalidGrant(400, ({ grantType }) => ({
        error: "invalid_request",
        error_description:
          grantType === "refresh_token"
            ? "Value passed for the token was invalid."
            : "Value passed for the authorization code was invalid."
      }))
    }
  ]
}

export const linkedin: Profile = {
  name: "linkedin",
  title: "LinkedIn",
  issuer: "https://www.linkedin.com/oauth",
  endpoints: {
    authorization: "https://www.linkedin.com/oauth/v2/authorization",
    token: "https://www.linkedin.com/oauth/v2/accessToken",
    jwks: "https://www.linkedin.com/oauth/openid/jwks"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: "its issuer, and `complianceFixes: { nonce: false }`. Refresh tokens are for approved partners only",
  deviations: [
    {
      what: "ID tokens without `nonce`",
      source: "authlib/authlib#763, directus/directus#23645",
      idToken: ({ nonce: _, ...claims }) => claims
    },
    {
      what: "no `token_type` in the response to a refresh",
      source: "Microsoft Learn, Refresh Tokens with OAuth 2.0 (LinkedIn)",
      tokenResponse: (body, request) =>
        request.grantType === "refresh_token" ? without("token_type")(body, request) : body
    },
    {
      what: "`refresh_token_expires_in`, and a refresh repeats the refresh token",
      source: "Microsoft Learn, Refresh Tokens with OAuth 2.0 (LinkedIn)",
      tokenResponse: (body, request) => ({ ...repeating(body, request), refresh_token_expires_in: 31_536_000 })
    }
  ]
}

export const meta: Profile = {
  name: "meta",
  title: "Meta (Facebook Login)",
  issuer: "https://www.facebook.com",
  endpoints: {
    authorization: "https://www.facebook.com/v23.0/dialog/oauth",
    token: "https://graph.facebook.com/v23.0/oauth/access_token"
  },
  grant: "authorization_code",
  refresh: "none",
  configure: "the preset `Meta.app`",
  deviations: [
    {
      what: "no metadata are documented for the manual flow",
      source: "Meta for Developers, Manually Build a Login Flow",
      metadata: []
    },
    {
      what: "scopes with commas in the request",
      source: "Meta for Developers, Manually Build a Login Flow",
      scopeSeparator: ","
    },
    {
      what: "errors as `{ error: { message, type, code } }`",
      source: "Meta for Developers, Handle Errors; laravel/socialite#385",
      errorResponse: invalidGrant(400, () => ({
        error: { message: "This authorization code has been used.", type: "OAuthException", code: 100, fbtrace_id: "A" }
      }))
    }
  ]
}

export const spotify: Profile = {
  name: "spotify",
  title: "Spotify",
  issuer: "https://accounts.spotify.com",
  endpoints: {
    authorization: "https://accounts.spotify.com/authorize",
    token: "https://accounts.spotify.com/api/token"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: "the preset `Spotify.app`",
  deviations: [
    {
      what: "documents no metadata",
      source: "Spotify for Developers, Authorization Code Flow",
      metadata: []
    },
    {
      what: "client id and secret without form encoding in HTTP Basic",
      source: "Spotify for Developers, Authorization Code Flow",
      rawCredentials: true
    }
  ]
}

export const reddit: Profile = {
  name: "reddit",
  title: "Reddit",
  issuer: "https://www.reddit.com",
  endpoints: {
    authorization: "https://www.reddit.com/api/v1/authorize",
    token: "https://www.reddit.com/api/v1/access_token",
    revocation: "https://www.reddit.com/api/v1/revoke_token"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: 'its endpoints, and `parameters: { duration: "permanent" }`',
  deviations: [
    {
      what: "documents no metadata",
      source: "Reddit Archive wiki, OAuth2",
      metadata: []
    },
    {
      what: "a refresh token only with `duration=permanent`",
      source: "Reddit Archive wiki, OAuth2",
      isOffline: onlyWith("duration", "permanent")
    },
    {
      what: "204 from the revocation endpoint",
      source: "praw-dev/prawcore, revoke_token; Reddit Archive wiki, OAuth2",
      revocationResponse: { status: 204, body: {} }
    }
  ]
}
