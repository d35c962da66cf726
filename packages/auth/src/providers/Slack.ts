/**
 * Slack: client options for bot tokens and user tokens.
 *
 * - It sends errors as `ok: false` with status 200, and separates scopes by commas.
 * - Its token types are `bot` and `user`, but the tokens are sent as `Bearer`.
 * - The token of a user is in an object of its own (`authed_user`), except in the response to a refresh.
 * - Tokens expire only if token rotation is enabled for the app.
 * - An app uses either a secret or PKCE. PKCE is for apps that cannot keep a secret, and other apps cannot use it.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as ClientAuthentication from "../ClientAuthentication.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import { normalizeScopes } from "../internal/providers/responseFixes.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * A Slack app, with its secret unless PKCE is enabled for the app.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = Pick<OAuth2.Client, "clientId" | "clientSecret">

type Body = Readonly<Record<string, unknown>>

/** An error response has no token. It has the member `error` of OAuth, only with another status. */
const asBearer = (body: Body): Body =>
  typeof body["access_token"] === "string" ? normalizeScopes({ ...body, token_type: "bearer" }) : body

/** If the user granted no user scopes, the user has no token. The bot token is not a substitute. */
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

const clientOf = ({ clientId, clientSecret }: Options, answer: (body: Body) => Body): App => ({
  issuer: "https://slack.com",
  authorizationEndpoint: "https://slack.com/oauth/v2/authorize",
  tokenEndpoint: "https://slack.com/api/oauth.v2.access",
  clientId,
  ...(clientSecret === undefined ? { clientAuthentication: ClientAuthentication.none } : { clientSecret }),
  complianceFixes: { scopeSeparator: ",", transformResponse: answer, errorCodes: errors, pkce: false }
})

/** The client options of a sign-in. */
type App = OAuth2.Client & Pick<AuthorizationCode.Options, "authorizationEndpoint">

/**
 * Slack client options for `AuthorizationCode.make` and `RefreshToken.layer` with a bot token. Set the bot's scopes as
 * `scopes` of the sign-in. A bot needs a secret.
 *
 * Specification: [Installing with OAuth](https://docs.slack.dev/authentication/installing-with-oauth).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Slack from "@countersign/auth/providers/Slack"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Slack.bot({ clientId: "web", clientSecret: Redacted.make("secret") }),
 *   scopes: ["read"],
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const bot = (options: Options): App =>
  clientOf(OptionNames.known("`Slack.bot`", options, credentialNames), asBearer)

/**
 * Slack client options for `AuthorizationCode.make` and `RefreshToken.layer` with the token of the user that installs the
 * app.
 *
 * Without a secret, PKCE must be enabled for the app, such as for a desktop application.
 *
 * Specification: [Using PKCE](https://docs.slack.dev/authentication/using-pkce),
 * [using token rotation](https://docs.slack.dev/authentication/using-token-rotation).
 *
 * @param options - the app, and the user scopes to request.
 * @since 0.1.0
 * @category constructors
 */
export const user = (
  options: Options & { readonly userScopes: ReadonlyArray<string> }
): App & Pick<AuthorizationCode.Options, "parameters"> => {
  const { userScopes, ...client } = OptionNames.known("`Slack.user`", options, { ...credentialNames, userScopes: true })
  return { ...clientOf(client, ofUser), parameters: { user_scope: userScopes.join(",") } }
}
