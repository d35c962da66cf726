/**
 * Slack: a bot that somebody installs, or somebody themselves.
 *
 * It tells errors by `ok: false` with status 200, calls its tokens `bot` and `user` where they are sent as `Bearer`, separates
 * scopes by commas, and puts the token of a user into an object of its own. Tokens expire only where rotation was switched on
 * for the app.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as AuthorizationCode from "../AuthorizationCode.js"
import { spacedScopes } from "../internal/providerAnswer.js"
import type * as OAuth2 from "../OAuth2.js"

/**
 * An app.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = Pick<OAuth2.Client, "clientId" | "clientSecret">

type Body = Readonly<Record<string, unknown>>

/** A refusal has no token, and is told by `error` as OAuth has it, but for its status. */
const asBearer = (body: Body): Body =>
  typeof body["access_token"] === "string" ? spacedScopes({ ...body, token_type: "bearer" }) : body

const errors = {
  bad_client_secret: "invalid_client",
  code_already_used: "invalid_grant",
  invalid_client_id: "invalid_client",
  invalid_code: "invalid_grant",
  invalid_refresh_token: "invalid_grant",
  token_expired: "invalid_grant",
  token_revoked: "invalid_grant"
}

/** Who gave nothing in their own name has no token: the bot's is not theirs. */
const ofUser = (body: Body): Body => {
  const user = body["authed_user"]
  return Predicate.isRecord(user) ? asBearer({ ...body, access_token: undefined, ...user }) : body
}

const of = ({ clientId, clientSecret }: Options, answer: (body: Body) => Body): App => ({
  issuer: "https://slack.com",
  authorizationEndpoint: "https://slack.com/oauth/v2/authorize",
  tokenEndpoint: "https://slack.com/api/oauth.v2.access",
  clientId,
  clientSecret,
  quirks: { scopeSeparator: ",", answer, errors }
})

/** What goes into the options of a sign-in. */
type App = OAuth2.Client & Pick<AuthorizationCode.Options, "authorizationEndpoint">

/**
 * A bot's part of the options of `AuthorizationCode.make` and `RefreshToken.layer`; its scopes are the sign-in's `scopes`.
 *
 * Specification: [Installing with OAuth](https://docs.slack.dev/authentication/installing-with-oauth).
 *
 * @since 0.1.0
 * @category constructors
 */
export const bot = (options: Options): App => of(options, asBearer)

/**
 * The same for the token of whoever installs the app.
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
