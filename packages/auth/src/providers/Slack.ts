/**
 * Slack: a bot that somebody installs, or somebody themselves.
 *
 * It tells errors by `ok: false` with status 200, calls its tokens `bot` and `user` where they are sent as `Bearer`, separates
 * scopes by commas, and puts the token of a user into an object of its own, except when it is refreshed. Tokens expire only
 * where rotation was switched on for the app. It takes either a secret or PKCE: an app that PKCE was switched on for is one
 * that can keep no secret, and another may not use it.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as ClientAuthentication from "../ClientAuthentication.js"
import { spacedScopes } from "../internal/providers/responseFixes.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An app; with its secret, unless PKCE was switched on for it.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = Pick<OAuth2.Client, "clientId" | "clientSecret">

type Body = Readonly<Record<string, unknown>>

/** A refusal has no token, and is told by `error` as OAuth has it, but for its status. */
const asBearer = (body: Body): Body =>
  typeof body["access_token"] === "string" ? spacedScopes({ ...body, token_type: "bearer" }) : body

/** Who gave nothing in their own name has no token: the bot's is not theirs. */
const ofUser = (body: Body): Body => {
  const { authed_user: user, token_type: type } = body
  if (Predicate.isRecord(user) && typeof user["access_token"] === "string") return asBearer({ ok: body["ok"], ...user })
  return type === "user" ? asBearer(body) : { ok: body["ok"] }
}

const errors = {
  bad_client_secret: "invalid_client",
  code_already_used: "invalid_grant",
  fatal_error: "server_error",
  internal_error: "server_error",
  invalid_client_id: "invalid_client",
  invalid_code: "invalid_grant",
  invalid_refresh_token: "invalid_grant",
  ratelimited: "temporarily_unavailable",
  request_timeout: "temporarily_unavailable",
  service_unavailable: "temporarily_unavailable",
  team_added_to_org: "temporarily_unavailable",
  token_expired: "invalid_grant",
  token_revoked: "invalid_grant"
}

const of = ({ clientId, clientSecret }: Options, answer: (body: Body) => Body): App => ({
  issuer: "https://slack.com",
  authorizationEndpoint: "https://slack.com/oauth/v2/authorize",
  tokenEndpoint: "https://slack.com/api/oauth.v2.access",
  clientId,
  ...(clientSecret === undefined ? { clientAuthentication: ClientAuthentication.none } : { clientSecret }),
  complianceFixes: { scopeSeparator: ",", transformResponse: answer, errorCodes: errors, pkce: false }
})

/** What goes into the options of a sign-in. */
type App = OAuth2.Client & Pick<AuthorizationCode.Options, "authorizationEndpoint">

/**
 * A bot's part of the options of `AuthorizationCode.make` and `RefreshToken.layer`; its scopes are the sign-in's `scopes`. A bot
 * has a secret.
 *
 * Specification: [Installing with OAuth](https://docs.slack.dev/authentication/installing-with-oauth).
 *
 * @since 0.1.0
 * @category constructors
 */
export const bot = (options: Options): App => of(options, asBearer)

/**
 * The same for the token of whoever installs the app. Without a secret it is for an app that PKCE was switched on for, such as
 * a program on somebody's desk.
 *
 * Specification: [Using PKCE](https://docs.slack.dev/authentication/using-pkce),
 * [using token rotation](https://docs.slack.dev/authentication/using-token-rotation).
 *
 * @param options - the app, and what it is to be allowed in the user's name.
 * @since 0.1.0
 * @category constructors
 */
export const user = ({
  userScopes,
  ...options
}: Options & { readonly userScopes: ReadonlyArray<string> }): App & Pick<AuthorizationCode.Options, "parameters"> => ({
  ...of(options, ofUser),
  parameters: { user_scope: userScopes.join(",") }
})
