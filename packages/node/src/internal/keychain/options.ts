/** The options of the keychain store, and the entries of its binding. */
import type * as Duration from "effect/Duration"

/**
 * One item of a keychain: the part of `AsyncEntry` of `@napi-rs/keyring` that this package uses.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  /** Reads the bytes of the item; `null` if it does not exist. */
  readonly getSecret: () => Promise<ArrayLike<number> | null>
  /** Writes the bytes of the item. */
  readonly setSecret: (secret: Uint8Array) => Promise<void>
  /** Removes the item if it exists. Without this method, each removed record leaves an item with its version. */
  readonly deleteCredential?: () => Promise<unknown>
}

/**
 * Opens an item, which need not exist. Throws if there is no keychain.
 *
 * @since 0.1.0
 * @category models
 */
export type OpenEntry = (service: string, account: string) => Entry

/**
 * Options of `KeychainTokenStore`: the service of the items, the lock files, and the timeouts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The service name of the items: the name of the program. Another service is another store. */
  readonly service: string
  /**
   * The folder of the lock files, because a keychain has no locks. All processes that share the service must use the
   * same folder, on a file system of this host, such as the program's configuration folder. It is created (0700) if it
   * is missing.
   */
  readonly lockDirectory: string
  /**
   * How long to wait for a lock of another process: to write, or to run an effect in `withLock`. Default: 15 seconds.
   */
  readonly lockTimeout?: Duration.DurationInput | undefined
  /** How long a keychain operation may take. The keychain may prompt the user for a password. Default: 10 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Opens items instead of `@napi-rs/keyring`, for tests and for other bindings. */
  readonly openEntry?: OpenEntry | undefined
}
