/** Messages, meetings and files. */
import { adding, invalidGrant, invalidRefreshToken, onlyWith, scopes } from "./commonDeviations.js"
import type { Body, Deviation, Profile } from "./profile.js"

const slackOf = (name: string, title: string, configure: string): Omit<Profile, "deviations"> => ({
  name,
  title,
  issuer: "https://slack.com",
  endpoints: {
    authorization: "https://slack.com/oauth/v2/authorize",
    token: "https://slack.com/api/oauth.v2.access"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure
})

const slackDeviations: ReadonlyArray<Deviation> = [
  {
    what: "documents no metadata for this flow",
    source: "Slack Docs, Installing with OAuth",
    metadata: []
  },
  {
    what: "scopes with commas in the request",
    source: "Slack Docs, Installing with OAuth",
    scopeSeparator: ","
  },
  {
    what: "scopes with commas in the response",
    source: "Slack Docs, Installing with OAuth",
    tokenResponse: scopes((list) => list.join(","))
  },
  {
    what: "errors as `{ ok: false, error }` with status 200",
    source: "Slack Docs, oauth.v2.access",
    errorResponse: invalidGrant(200, ({ grantType }) => ({
      ok: false,
      error: grantType === "refresh_token" ? "invalid_refresh_token" : "invalid_code"
    }))
  }
]

export const slack: Profile = {
  ...slackOf("slack", "Slack, a bot", "the preset `Slack.bot`"),
  deviations: [
    ...slackDeviations,
    {
      what: "`ok`, and `token_type` is `bot`",
      source: "Slack Docs, Installing with OAuth",
      tokenResponse: (body) => ({
        ok: true,
        ...body,
        token_type: "bot",
        bot_user_id: "U0KRQLJ9H",
        authed_user: { id: "U1234" }
      })
    }
  ]
}

/** The token of a user in an object of its own. */
const ofUser = (token: Body): Body => ({
  ok: true,
  app_id: "A0KRD7HC3",
  authed_user: { id: "U1234", ...token, token_type: "user" }
})

export const slackUser: Profile = {
  ...slackOf("slack-user", "Slack, a user", "the preset `Slack.user`"),
  deviations: [
    ...slackDeviations,
    {
      what: "the token is in `authed_user`, and a refresh has it beside `ok`; `token_type` is `user`",
      source: "Slack Docs, Installing with OAuth; Using token rotation",
      tokenResponse: (body, { grantType }) =>
        grantType === "refresh_token" ? { ok: true, ...body, token_type: "user" } : ofUser(body)
    }
  ]
}

export const zoom: Profile = {
  name: "zoom",
  title: "Zoom",
  issuer: "https://zoom.us",
  endpoints: {
    authorization: "https://zoom.us/oauth/authorize",
    token: "https://zoom.us/oauth/token",
    revocation: "https://zoom.us/oauth/revoke"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "its endpoints, `revocationEndpoint` among them",
  deviations: [
    {
      what: "documents no metadata",
      source: "Zoom Developers, OAuth 2.0",
      metadata: []
    },
    {
      what: "`reason` in place of `error_description`",
      source: "raycast/extensions#10896",
      errorResponse: invalidRefreshToken(400, { reason: "Invalid Token!", error: "invalid_grant" })
    },
    {
      what: "a body with the response of the revocation endpoint",
      source: "Zoom Developers, OAuth 2.0: Revoke an access token",
      revocationResponse: { status: 200, body: { status: "success" } }
    }
  ]
}

export const dropbox: Profile = {
  name: "dropbox",
  title: "Dropbox",
  issuer: "https://www.dropbox.com",
  endpoints: {
    authorization: "https://www.dropbox.com/oauth2/authorize",
    token: "https://api.dropboxapi.com/oauth2/token"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: 'its endpoints, and `parameters: { token_access_type: "offline" }`',
  deviations: [
    {
      what: "a refresh token only with `token_access_type=offline`",
      source: "Dropbox for HTTP Developers, OAuth",
      isOffline: onlyWith("token_access_type", "offline")
    },
    {
      what: "`uid` and `account_id` beside the token",
      source: "Dropbox for HTTP Developers, OAuth",
      tokenResponse: adding({ uid: "12345", account_id: "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc" })
    }
  ]
}
