/**
 * Token store in the keychain of the operating system: Keychain of macOS, Credential Manager of Windows, Secret Service
 * of Linux.
 *
 * @since 0.1.0
 */
import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Keychain from "./internal/keychain/keychain.js"
import type { Options } from "./internal/keychain/options.js"

export type { Entry, OpenEntry, Options } from "./internal/keychain/options.js"

/** Programs have fewer records. Items slow down other programs, and are not removed with the program. */
const maxRecords = 256

/** The item with the number of records. */
const countAccount = "records"

const accountOf = (name: string): string => `token-${name}`

/** Whether a name is that of a record. The only other name is that of the highest version of removed records. */
const isRecord = (name: string): boolean => /^[0-9a-f]{64}$/.test(name)

const tooManyRecords = () =>
  new TokenStoreError({
    reason: "WriteFailed",
    detail: `the keychain has ${maxRecords} records of this service. Sign accounts out, remove all items of the service, or use another service.`
  })

const parseCount = (text: Option.Option<string>): number => {
  const count = Number(Option.getOrElse(text, () => "0"))
  return Number.isSafeInteger(count) ? count : 0
}

/** Counts a record before its first write. An invalid count is treated as 0. */
const incrementCount = (keychain: Keychain.Keychain): Effect.Effect<void, TokenStoreError> =>
  Effect.gen(function* () {
    const count = parseCount(yield* keychain.get(countAccount))
    if (count >= maxRecords) return yield* tooManyRecords()
    yield* keychain.set(countAccount, String(count + 1))
  }).pipe(keychain.withLock(countAccount))

/** Subtracts a removed record from the count. */
const decrementCount = (keychain: Keychain.Keychain): Effect.Effect<void, TokenStoreError> =>
  Effect.flatMap(keychain.get(countAccount), (text) =>
    keychain.set(countAccount, String(Math.max(0, parseCount(text) - 1)))
  ).pipe(keychain.withLock(countAccount))

/**
 * Makes a token store in the keychain of the current user, with one item per key and at most 256 items. It needs the
 * package `@napi-rs/keyring`.
 *
 * - **Lock scope**: `host`. A keychain has neither versions nor locks. They come from lock files in `lockDirectory`, or
 *   from the `ProcessLock` of the context, with its scope. The locks do not exclude processes with another
 *   `lockDirectory`, or in other containers.
 * - **Protection**: that of the keychain. Most keychains let every program of the user read every item while they are
 *   unlocked. They protect disks and backups rather than sessions.
 * - **Linux**: the Secret Service (gnome-keyring, KWallet, KeePassXC) is required. The kernel's keyring is never used,
 *   because it loses its items at a restart.
 * - **Windows**: an item has at most 2560 bytes, and many tokens are larger. Use `EncryptedTokenStore` over a
 *   `FileTokenStore`, with `EncryptionKey.fromKeychain`.
 * - **Timeouts**: a write that times out fails, but the keychain may still perform it later.
 *
 * Construction reads the keychain once. Fails with these reasons:
 *
 * - `ReadFailed`, `WriteFailed`: the package is missing, no keychain is available, it is locked, it timed out, or an
 *   item is too large.
 * - `Corrupt`, `UnsupportedFormat`: an item is not a record. It is never overwritten.
 * - `LockTimeout`: another process holds the lock.
 * - `Insecure`: other users may replace files in `lockDirectory`.
 *
 * @param options - the service, the lock files, and the timeouts.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TokenStore.Service, TokenStoreError> =>
  Effect.gen(function* () {
    const keychain = yield* Keychain.make(options)
    yield* Effect.catchIf(
      keychain.get(countAccount),
      ({ reason }) => reason === "Corrupt",
      // Existing records can still be read and written. A new record fails with this error.
      ({ message }) => Effect.logWarning(message)
    )
    const { remove } = keychain
    return KeyValueTokenStore.fromTextStore({
      description: "the keychain",
      lockScope: keychain.lockScope,
      get: (name) => keychain.get(accountOf(name)),
      set: (name, text) =>
        Effect.gen(function* () {
          if (isRecord(name) && Option.isNone(yield* keychain.get(accountOf(name)))) yield* incrementCount(keychain)
          yield* keychain.set(accountOf(name), text)
        }),
      ...(remove !== undefined && {
        remove: (name) => Effect.zipRight(remove(accountOf(name)), decrementCount(keychain))
      }),
      withLock: keychain.withLock
    })
  })

/**
 * Layer that stores tokens in the keychain of the operating system.
 *
 * @example
 * import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
 *
 * const StoreLive = KeychainTokenStore.layer({ service: "app", lockDirectory: "/home/me/.config/app" })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenStore.TokenStore, TokenStoreError> =>
  Layer.effect(TokenStore.TokenStore, make(options))
