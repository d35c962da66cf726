/** Access keys, and sources of temporary ones. */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { RefreshOptions as TokenRefreshOptions } from "../refresh/service.js"

/**
 * An access key, with the session token of temporary credentials.
 *
 * @since 0.1.0
 * @category models
 */
export interface Credentials {
  /** The access key id. It is sent with every request, and is no secret. */
  readonly accessKeyId: string
  /** The secret access key. It is never sent. */
  readonly secretAccessKey: Redacted.Redacted<string>
  /** The session token of temporary credentials. It is sent with every request. */
  readonly sessionToken?: Redacted.Redacted<string> | undefined
  /** When the credentials expire, in epoch milliseconds. Undefined for a permanent access key. */
  readonly expiresAt?: number | undefined
}

/**
 * Returns the current credentials, and replaces them before they expire.
 *
 * @since 0.1.0
 * @category models
 */
export interface Source<out E = never> {
  /** The current credentials. Called for each request. */
  readonly get: Effect.Effect<Credentials, E>
  /**
   * Reports that a server rejected credentials as expired. Returns whether other credentials can be sent. It gets the id of
   * the rejected access key.
   */
  readonly onRejected?: ((accessKeyId: string) => Effect.Effect<boolean, E>) | undefined
  /** Whether all waits of this source end at the deadline of the call (false). See `Auth.Service.honorsDeadline`. */
  readonly honorsDeadline?: boolean | undefined
}

/**
 * Times of a source. The default values are those of `TokenSource`.
 *
 * @since 0.1.0
 * @category models
 */
export type RefreshOptions = Pick<TokenRefreshOptions, "timeout" | "refreshWindow" | "forcedRefreshWindow">

/**
 * Options of a role that STS gives credentials of.
 *
 * @since 0.1.0
 * @category models
 */
export interface RoleOptions extends RefreshOptions {
  /** The ARN of the role to assume (`AWS_ROLE_ARN`). */
  readonly roleArn: string
  /** Name of the session in logs of AWS (`countersign`): 2 to 64 letters, digits or `_=,.@-`. */
  readonly sessionName?: string | undefined
  /** The region of STS. Without it the global endpoint is used. */
  readonly region?: string | undefined
  /** URL of another server with the API of STS, such as a storage service. It must be an https URL. */
  readonly endpoint?: string | undefined
  /** How long the credentials are valid, in seconds, from 900 to 43,200. By default the role decides (1 hour). */
  readonly durationSeconds?: number | undefined
}
