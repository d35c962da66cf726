import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { ConnectionOptions } from "node:tls"
import type * as OptionNames from "../options/optionNames.js"

/**
 * The client could not be made. The message contains no password.
 *
 * - `InvalidOptions`: the URL or a timeout is invalid.
 * - `Insecure`: the URL is plain `redis://` to another host.
 * - `Rejected`: the server requires a sign-in, or rejected it.
 * - `UnsupportedVersion`: the server is older than Redis 7.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisClientError extends Data.TaggedError("RedisClientError")<{
  readonly reason: "InvalidOptions" | "Insecure" | "Rejected" | "UnsupportedVersion"
  readonly detail: string
  readonly message: string
}> {
  constructor(fields: Pick<RedisClientError, "reason" | "detail">) {
    super({ ...fields, message: `The Redis client was not made: ${fields.detail}.` })
  }
}

/**
 * Options of `RedisClient.layer`: the server, the sign-in, and timeouts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * URL of the server: `rediss://host:6379` with TLS, or `redis://` for a server on this host. It may contain a user, a
   * password and the number of a database: `rediss://user:password@host:6379/0`.
   */
  readonly url: string | Redacted.Redacted
  /** User of the server's access control list. Default: that of the URL. */
  readonly username?: string | undefined
  /** Password of the user. Default: that of the URL. */
  readonly password?: Redacted.Redacted | undefined
  /** Options of TLS, such as `ca`, for a `rediss://` URL. Default: those of Node. */
  readonly tls?: ConnectionOptions | undefined
  /** Maximum time until a command has a response (3 s). */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /** Maximum time until a connection is open (2 s). */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * Allows `redis://` to other hosts. Tokens and the password are then readable on the network. Set it only if something else
   * encrypts the connection, such as a VPN or a service mesh. Default: false.
   */
  readonly dangerouslyPlainText?: boolean | undefined
}

/** The names of the options. */
export const names: OptionNames.ShapeOf<Options> = {
  url: true,
  username: true,
  password: true,
  tls: true,
  commandTimeout: "duration",
  connectTimeout: "duration",
  dangerouslyPlainText: true
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  /** Maximum time until a command has a response. */
  commandTimeout: "3 seconds",
  /** Maximum time until a connection is open. */
  connectTimeout: "2 seconds",
  /** Whether plain text to other hosts is allowed. */
  dangerouslyPlainText: false
} as const
