/**
 * Supabase: client options for the Management API, and for the authorization server of a project.
 *
 * Token responses have status 201. Errors are `{ message }` from the Management API, and `{ error_code, msg }` from a
 * project.
 *
 * @since 0.1.0
 */
import type * as AuthorizationCode from "../AuthorizationCode.js"
import * as OptionNames from "../internal/options/optionNames.js"
import { credentialNames } from "../internal/providers/optionNames.js"
import type * as OAuth2 from "../OAuth2.js"

/** OAuth error codes by `error_code` of Supabase Auth, and by `message`. */
const errors = {
  bad_code_verifier: "invalid_grant",
  flow_state_expired: "invalid_grant",
  flow_state_not_found: "invalid_grant",
  "Invalid Refresh Token": "invalid_grant",
  "Invalid Refresh Token: Already Used": "invalid_grant",
  "Invalid Refresh Token: Refresh Token Not Found": "invalid_grant",
  over_request_rate_limit: "temporarily_unavailable",
  refresh_token_already_used: "invalid_grant",
  refresh_token_not_found: "invalid_grant",
  request_timeout: "temporarily_unavailable",
  session_expired: "invalid_grant",
  session_not_found: "invalid_grant",
  user_banned: "invalid_grant"
}

type Registered = Pick<OAuth2.Client, "clientId" | "clientSecret" | "clientAuthentication">

const names: OptionNames.ShapeOf<Registered> = { ...credentialNames, clientAuthentication: true }

/**
 * Client options for `AuthorizationCode.make` and `RefreshToken.layer` with the Management API. The registration of the app
 * determines the scopes.
 *
 * Specification: [Build a Supabase integration](https://supabase.com/docs/guides/integrations/build-a-supabase-oauth-integration).
 *
 * @since 0.1.0
 * @category constructors
 */
export const app = (client: Registered): OAuth2.Client & Pick<AuthorizationCode.Options, "authorizationEndpoint"> => ({
  ...OptionNames.known("`Supabase.app`", client, names),
  issuer: "https://api.supabase.com",
  authorizationEndpoint: "https://api.supabase.com/v1/oauth/authorize",
  tokenEndpoint: "https://api.supabase.com/v1/oauth/token",
  complianceFixes: { errorCodes: errors }
})

/**
 * Client options for `AuthorizationCode.make`, `SignIn` and `RefreshToken.layer` with the authorization server of a
 * project.
 *
 * Specification: [OAuth 2.1 server](https://supabase.com/docs/guides/auth/oauth-server).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as Supabase from "@countersign/auth/providers/Supabase"
 * import * as Redacted from "effect/Redacted"
 *
 * const signIn = AuthorizationCode.make({
 *   ...Supabase.project({ host: "abc.supabase.co", clientId: "web", clientSecret: Redacted.make("secret") }),
 *   redirectUri: "https://app.example.com/callback"
 * })
 *
 * @param options - the client, and the host of the project: `abcdefghijklmnopqrst.supabase.co`.
 * @since 0.1.0
 * @category constructors
 */
export const project = (options: Registered & { readonly host: string }): OAuth2.Client => {
  const { host, ...client } = OptionNames.known("`Supabase.project`", options, { ...names, host: true })
  return { ...client, issuer: `https://${host}/auth/v1`, complianceFixes: { errorCodes: errors } }
}
