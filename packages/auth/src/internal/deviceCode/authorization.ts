/** Options and state of a device authorization (RFC 8628). */
import * as Schema from "effect/Schema"
import type * as OAuth2 from "../../OAuth2.js"

/**
 * Options of a sign-in with a device code (RFC 8628).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuth2.Client {
  /** The requested scopes. With `openid`, `SignInResult` has the claims of the user. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** URL of the API that the token is for, if the server issues tokens for several APIs. */
  readonly resource?: string | undefined
  /** Further parameters of the device authorization request that the server defines. No secrets. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /** URL of the device authorization endpoint, if the server publishes no metadata. Requires `tokenEndpoint`. */
  readonly deviceAuthorizationEndpoint?: string | undefined
  /** URL of the key set (JWKS) of the server, if the server publishes no metadata. */
  readonly jwksUri?: string | undefined
}

/**
 * State of a started device authorization, with the code and the URL to show to the user. The encoded form contains the
 * device code unencrypted, which is sufficient to get the token.
 *
 * @since 0.1.0
 * @category models
 */
export class DeviceAuthorization
  extends /* @__PURE__ */ Schema.Class<DeviceAuthorization>("@countersign/auth/DeviceCode/DeviceAuthorization")({
    /** The code that the user types: at most 64 characters, without control characters. */
    userCode: Schema.NonEmptyString,
    /** The https URL where the user types the code. */
    verificationUri: Schema.NonEmptyString,
    /**
     * The URL with the code in it, for a QR code. Still show {@link DeviceAuthorization.userCode}, so that the user can
     * compare.
     */
    verificationUriComplete: Schema.optional(Schema.NonEmptyString),
    /** When the codes expire, in epoch milliseconds. */
    expiresAt: Schema.Finite,
    /** Minimum time between two token requests, in milliseconds. */
    interval: Schema.Positive,
    /** The issuer identifier of the authorization server. */
    issuer: Schema.String,
    /** The client id. */
    client: Schema.String,
    /** The device code, which the client sends in token requests. */
    deviceCode: Schema.Redacted(Schema.NonEmptyString)
  }) {}
