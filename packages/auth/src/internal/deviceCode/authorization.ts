/** The options and the state of a device authorization. */
import * as Schema from "effect/Schema"
import type * as OAuth2 from "../../OAuth2.js"

/**
 * The client, and what somebody is asked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuth2.Client {
  /** With `openid` among them, `SignInResult` tells who it is. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API the token is for, where the server issues tokens for several. */
  readonly resource?: string | undefined
  /** Further parameters of the request for a code, of the server's own; no secrets. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /** Where a code is asked for, for servers that publish no metadata; give the token endpoint as well. */
  readonly deviceAuthorizationEndpoint?: string | undefined
  /** Where the server's keys are, for servers that publish no metadata. */
  readonly jwksUri?: string | undefined
}

/**
 * A sign-in that was begun, and what to show for it. Whoever has the device code gets the token: what this is encoded to
 * holds it in the clear.
 *
 * @since 0.1.0
 * @category models
 */
export class DeviceAuthorization
  extends /* @__PURE__ */ Schema.Class<DeviceAuthorization>("@countersign/auth/DeviceCode/DeviceAuthorization")({
    /** What somebody types: at most 64 characters, none of them a control character. */
    userCode: Schema.NonEmptyString,
    /** Where: an https URL. */
    verificationUri: Schema.NonEmptyString,
    /** The same with the code in it, for a QR code; the user still has to see {@link DeviceAuthorization.userCode}, and compare. */
    verificationUriComplete: Schema.optional(Schema.NonEmptyString),
    /** Epoch milliseconds. */
    expiresAt: Schema.Finite,
    /** How long to wait between two questions, in milliseconds. */
    interval: Schema.Positive,
    issuer: Schema.String,
    client: Schema.String,
    deviceCode: Schema.Redacted(Schema.NonEmptyString)
  }) {}
