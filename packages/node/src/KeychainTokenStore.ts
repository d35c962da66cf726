/**
 * Tokens in the keychain of the operating system: Keychain of macOS, Credential Manager of Windows, Secret Service of
 * Linux.
 *
 * @since 0.1.0
 */
import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Keychain from "./internal/keychain/keychain.js"
import type { Options } from "./internal/keychain/options.js"

export type { Entry, OpenEntry, Options } from "./internal/keychain/options.js"

/** More keys than a program has; items cost others their time, and nobody removes them. */
const maxRecords = 256

/** Under which the number of records is kept. */
const countAccount = "records"

const accountOf = (name: string): string => `token-${name}`

/** The other text is the highest version of removed records: one of them, however many records there are. */
const isRecord = (name: string): boolean => /^[0-9a-f]{64}$/.test(name)

const tooManyRecords = () =>
  new TokenStoreError({
    reason: "WriteFailed",
    detail: `the keychain holds ${maxRecords} records of this service; sign accounts out, remove all items of the service, or use another service`
  })

const parseCount = (text: Option.Option<string>): number => {
  const count = Number(Option.getOrElse(text, () => "0"))
  return Number.isSafeInteger(count) ? count : 0
}

/** Counts a record before it is written for the first time. What is no number is taken for none. */
const incrementCount = (keychain: Keychain.Keychain): Effect.Effect<void, TokenStoreError> =>
  Effect.gen(function* () {
    const count = parseCount(yield* keychain.get(countAccount))
    if (count >= maxRecords) return yield* tooManyRecords()
    yield* keychain.set(countAccount, String(count + 1))
  }).pipe(keychain.withLock(countAccount))

/** Counts a record that was removed. */
const decrementCount = (keychain: Keychain.Keychain): Effect.Effect<void, TokenStoreError> =>
  Effect.flatMap(keychain.get(countAccount), (text) =>
    keychain.set(countAccount, String(Math.max(0, parseCount(text) - 1)))
  ).pipe(keychain.withLock(countAccount))

/**
 * A store in the keychain of the user whose process this is, one item a key, and at most 256. It needs the package `@napi-rs/keyring`.
 *
 * - **Reach**: `host`. A keychain has neither versions nor locks: they come from lock files in `lockDirectory`, or from the
 *   `ProcessLock` of the context, with its reach. Processes with another folder, or in other containers, are not kept out.
 * - **Protection**: what the keychain gives. Most let every program of the same user read every item while it is
 *   unlocked: they protect disks and backups rather than sessions.
 * - On Linux it is the Secret Service (gnome-keyring, KWallet, KeePassXC) or a failure, never the kernel's keyring, which
 *   forgets at a restart.
 * - Windows takes 2560 bytes an item, which many tokens exceed: `EncryptedTokenStore` over a `FileTokenStore` with
 *   `EncryptionKey.fromKeychain` is the better choice there.
 * - A write that was not answered in time fails, and may be carried out later all the same.
 *
 * The keychain is asked once at construction. Fails with `ReadFailed` and `WriteFailed` (the package is missing, no
 * keychain answers, it is locked, it did not answer in time, an item is too large), `Corrupt` and `Foreign` (an item is
 * not a record; it is never overwritten), `LockTimeout` (somebody else holds the lock) and `Insecure` (of `lockDirectory`).
 *
 * @param options - the service, the locks, and the bounds.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TokenStore.Service, TokenStoreError> =>
  Effect.gen(function* () {
    const keychain = yield* Keychain.make(options)
    yield* Effect.catchIf(
      keychain.get(countAccount),
      ({ reason }) => reason === "Corrupt",
      // Records can be read and written all the same, and a new one fails with this.
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
 * {@link make} as a Layer.
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
