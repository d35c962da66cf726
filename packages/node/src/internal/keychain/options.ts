/** The entries of a keychain, and the options of the store over them. */
import type * as Duration from "effect/Duration"

/**
 * One item of a keychain: the part of `AsyncEntry` of `@napi-rs/keyring` that is used here.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  /** The bytes of the item, `null` where there is none. */
  readonly getSecret: () => Promise<ArrayLike<number> | null>
  readonly setSecret: (secret: Uint8Array) => Promise<void>
  /** Removes the item, if there is one. Without it, each removed record leaves an item with its version. */
  readonly deleteCredential?: () => Promise<unknown>
}

/**
 * Opens an item, which need not exist. Throws where there is no keychain.
 *
 * @since 0.1.0
 * @category models
 */
export type OpenEntry = (service: string, account: string) => Entry

/**
 * Which items of the keychain, and how they are shared.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What the items are filed under: the name of the program. Another service is another store. */
  readonly service: string
  /**
   * The folder of the lock files, which keychains have no like of: the same for all processes that share the service,
   * on a file system of this host, e.g. beside the program's configuration. It is created (0700) where it is missing.
   */
  readonly lockDirectory: string
  /** How long to wait for another process that writes, or that runs an exclusive effect: 15 seconds when left out. */
  readonly lockTimeout?: Duration.DurationInput | undefined
  /** How long a call of the keychain may take, which may ask somebody for a password: 10 seconds when left out. */
  readonly timeout?: Duration.DurationInput | undefined
  /** What opens items in the place of `@napi-rs/keyring`: for tests, and for other bindings. */
  readonly openEntry?: OpenEntry | undefined
}
