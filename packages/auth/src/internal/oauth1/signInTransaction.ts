/** Options, transaction and result of a sign-in with OAuth 1.0. */
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { dangerouslyAllowHttpOnLoopback } from "../http/insecureHttp.js"
import type { SignatureMethod } from "./signing.js"

/**
 * Options of a sign-in with OAuth 1.0: the client, and the three endpoints of the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The id of the client, sent as `oauth_consumer_key`. */
  readonly clientId: string
  /** The secret of the client. */
  readonly clientSecret: Redacted.Redacted<string>
  /**
   * URL of the endpoint for temporary credentials. Many documents call it the request token URL. Its query may have parameters
   * that the server defines.
   */
  readonly temporaryCredentialsEndpoint: string
  /** URL of the page where the user approves. */
  readonly authorizationEndpoint: string
  /** URL of the endpoint for token credentials. Many documents call it the access token URL. */
  readonly tokenEndpoint: string
  /**
   * URL that the server redirects the browser back to: https, http on loopback, or a private-use scheme with a dot. With `oob`,
   * the server shows a code, which the user types into the program.
   */
  readonly redirectUri: string
  /** The signature method (`HMAC-SHA1`). */
  readonly signatureMethod?: SignatureMethod | undefined
  /** The realm of the server, sent if it is set. */
  readonly realm?: string | undefined
  /** Parameters of the authorization URL that the server defines, such as `perms` or `scope`. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /** Allows plain http on loopback, see `OAuth2.dangerouslyAllowHttpOnLoopback`. */
  readonly transport?: typeof dangerouslyAllowHttpOnLoopback | undefined
}

/**
 * State of a started sign-in. Store it in the session of the browser that started it, never under `token` alone. Otherwise an
 * attacker could make another user open the attacker's callback.
 *
 * It can be encoded. The encoded form contains the secret of the temporary credentials unencrypted, so keep it on the server.
 *
 * @since 0.1.0
 * @category models
 */
export class Transaction
  extends /* @__PURE__ */ Schema.Class<Transaction>("@countersign/auth/OAuth1SignIn/Transaction")({
    /** The URL to open. */
    url: Schema.NonEmptyString,
    /** The temporary token (`oauth_token`), which the callback returns. It assigns the callback to this sign-in. */
    token: Schema.NonEmptyString,
    /** The secret of the temporary token. */
    tokenSecret: Schema.Redacted(Schema.String),
    /** When the sign-in expires, in epoch milliseconds. */
    expiresAt: Schema.Finite,
    /** The client id. */
    client: Schema.String,
    /** The endpoint for token credentials. */
    tokenEndpoint: Schema.NonEmptyString,
    /** The callback URL, or `oob`. */
    redirectUri: Schema.NonEmptyString
  }) {}

/**
 * Result of a sign-in.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignInResult {
  /** The token and its secret, which `OAuth1.layer` takes. Most servers let them be valid until the user revokes them. */
  readonly credentials: {
    readonly token: Redacted.Redacted<string>
    readonly tokenSecret: Redacted.Redacted<string>
  }
  /** Other members of the response, such as `user_id` and `screen_name`. Members of the protocol (`oauth_…`) are left out. */
  readonly extra: Readonly<Record<string, string>>
}
