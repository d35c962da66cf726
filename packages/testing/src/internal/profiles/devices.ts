/** Sports and homes. */
import { adding, invalidGrant, scopes, without } from "./commonDeviations.js"
import type { Profile } from "./profile.js"

export const strava: Profile = {
  name: "strava",
  title: "Strava",
  issuer: "https://www.strava.com",
  endpoints: {
    authorization: "https://www.strava.com/oauth/authorize",
    token: "https://www.strava.com/oauth/token"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure:
    "its endpoints, `client_secret_post`, `complianceFixes.scopeSeparator`, and a `complianceFixes.transformResponse` that makes `invalid_grant` of an " +
    "error with the `resource` `RefreshToken` or `AuthorizationCode`",
  deviations: [
    {
      what: "documents no metadata",
      source: "Strava Developers, Authentication",
      metadata: []
    },
    {
      what: "scopes with commas in the request",
      source: "Strava Developers, Authentication",
      scopeSeparator: ","
    },
    {
      what: "`expires_at` and `athlete` beside the token, and no `scope`",
      source: "Strava Developers, Authentication",
      tokenResponse: (body, request) => ({
        ...without("scope")(body, request),
        expires_at: 1_568_775_134,
        ...(request.grantType === "authorization_code" && { athlete: { id: 1 } })
      })
    },
    {
      what: "errors as `{ message, errors: [{ resource, field, code }] }`",
      source: "dreeveapp/dreeve#1449, yihong0618/running_page#523",
      errorResponse: invalidGrant(400, ({ grantType }) => ({
        message: "Bad Request",
        errors: [
          grantType === "refresh_token"
            ? { resource: "RefreshToken", field: "refresh_token", code: "invalid" }
            : { resource: "AuthorizationCode", field: "code", code: "invalid" }
        ]
      }))
    }
  ]
}

export const fitbit: Profile = {
  name: "fitbit",
  title: "Fitbit",
  issuer: "https://www.fitbit.com",
  endpoints: {
    authorization: "https://www.fitbit.com/oauth2/authorize",
    token: "https://api.fitbit.com/oauth2/token",
    revocation: "https://api.fitbit.com/oauth2/revoke"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "the preset `Fitbit.app`, and `revocationEndpoint`",
  deviations: [
    {
      what: "documents no metadata",
      source: "Fitbit Web API, Authorization",
      metadata: []
    },
    {
      what: "`user_id` beside the token",
      source: "Fitbit Web API, OAuth2 Token",
      tokenResponse: adding({ user_id: "GGNJL9" })
    },
    {
      what: "errors as `{ errors: [{ errorType, message }], success: false }`",
      source: "lukasolson/fitbit-node#14, Fitbit Web API, Error Handling",
      errorResponse: invalidGrant(400, () => ({
        errors: [{ errorType: "invalid_grant", message: "Refresh token invalid. Visit the documentation for more." }],
        success: false
      }))
    }
  ]
}

export const netatmo: Profile = {
  name: "netatmo",
  title: "Netatmo",
  issuer: "https://api.netatmo.com",
  endpoints: {
    authorization: "https://api.netatmo.com/oauth2/authorize",
    token: "https://api.netatmo.com/oauth2/token"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "its endpoints, and `client_secret_post`",
  deviations: [
    {
      what: "documents no metadata",
      source: "Netatmo Connect, Authentication",
      metadata: []
    },
    {
      what: "scopes as a list, and `expire_in` beside `expires_in`",
      source: "Netatmo Connect, Authentication; terafin/mqtt-netatmo-bridge#55",
      tokenResponse: (body, request) => ({ ...scopes((list) => list)(body, request), expire_in: body["expires_in"] })
    }
  ]
}
