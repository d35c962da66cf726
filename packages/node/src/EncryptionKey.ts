/**
 * Encryption keys for `EncryptedTokenStore`: from the environment, a file, a passphrase or the keychain.
 *
 * @since 0.1.0
 */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import * as Result from "@countersign/protocol/Result"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { KeyObject } from "node:crypto"
import { dirname, resolve } from "node:path"
import * as KeyDerivation from "./internal/encryption/keyDerivation.js"
import * as SecureDirectory from "./internal/filesystem/secureDirectory.js"
import * as SecureFile from "./internal/filesystem/secureFile.js"
import { quote } from "./internal/filesystem/systemError.js"
import * as OptionNames from "./internal/options/optionNames.js"
import * as Keychain from "./internal/keychain/keychain.js"
import type * as KeychainTokenStore from "./KeychainTokenStore.js"

/**
 * A key that encrypts tokens. Its bytes are in a `KeyObject` of Node, so that no log shows them.
 *
 * One key may encrypt at most 2^32 tokens, because each has a random nonce of 96 bits
 * ([NIST SP 800-38D §8.3](https://doi.org/10.6028/NIST.SP.800-38D)). That is one token per second for 136 years.
 *
 * @since 0.1.0
 * @category models
 */
export interface EncryptionKey {
  /** Distinguishes a key from a {@link Passphrase}. */
  readonly _tag: "EncryptionKey"
  /** Identifies the key in each record: 16 hexadecimal digits that reveal nothing about the key. */
  readonly id: string
  /** The AES-256 key, derived from the given key by HKDF ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)). */
  readonly cipherKey: KeyObject
}

/**
 * A passphrase that `EncryptedTokenStore` derives a key from when the store is opened. The store keeps the random salt.
 *
 * @since 0.1.0
 * @category models
 */
export interface Passphrase {
  /** Distinguishes a passphrase from an {@link EncryptionKey}. */
  readonly _tag: "Passphrase"
  /** The passphrase, of at least 8 characters. */
  readonly passphrase: Redacted.Redacted
}

/**
 * A key, or a passphrase that a key is derived from.
 *
 * @since 0.1.0
 * @category models
 */
export type KeySource = EncryptionKey | Passphrase

const secretOf = (text: Redacted.Redacted): string =>
  Redacted.value(OptionNames.known("`EncryptionKey`", { text }, { text: "secret" }).text)

const fromBytes = (bytes: Uint8Array): EncryptionKey => ({
  _tag: "EncryptionKey",
  ...KeyDerivation.deriveKeyAndId(bytes)
})

const expectedFormat = "base64 of 32 bytes, as `openssl rand -base64 32` prints"

const decode = (text: string): Option.Option<EncryptionKey> =>
  Option.map(Option.fromNullable(KeyDerivation.fromBase64(text, KeyDerivation.keyBytes)), fromBytes)

/**
 * Makes a key from a text in base64 ([RFC 4648 §4](https://www.rfc-editor.org/rfc/rfc4648#section-4)) of exactly 32
 * bytes, such as a secret of a key management service.
 *
 * Fails with `Corrupt` for any other text. The error does not contain the text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromBase64 = (text: Redacted.Redacted): Effect.Effect<EncryptionKey, TokenStoreError> =>
  Effect.mapError(
    Effect.suspend(() => decode(secretOf(text))),
    () => new TokenStoreError({ reason: "Corrupt", detail: `the encryption key is not ${expectedFormat}.` })
  )

/**
 * Reads a key from the configuration, in the format of {@link fromBase64}.
 *
 * Fails with `ConfigError` for any other text. The error does not contain the text. The user of a process can read its
 * environment variables, and its child processes inherit them.
 *
 * @example
 * import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
 * import * as EncryptionKey from "@countersign/node/EncryptionKey"
 * import * as FileTokenStore from "@countersign/node/FileTokenStore"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const StoreLive = EncryptionKey.config("TOKEN_KEY").pipe(
 *   Effect.map((key) => EncryptedTokenStore.layer({ storeId: "app", key })),
 *   Layer.unwrapEffect,
 *   Layer.provide(FileTokenStore.layer({ path: "/home/me/.config/app/tokens.json" }))
 * )
 *
 * @param name - the name of the variable.
 * @since 0.1.0
 * @category constructors
 */
export const config = (name: string): Config.Config<EncryptionKey> =>
  ConfigOptions.validated(name, Config.redacted(), (text) => {
    const key = decode(Redacted.value(text))
    return Option.isSome(key) ? Result.ok(key.value) : Result.err(`Expected ${expectedFormat}.`)
  })

const keyFileMissing = (path: string) =>
  new TokenStoreError({
    reason: "ReadFailed",
    detail: `the key file ${quote(path)} does not exist. Run: (umask 077; openssl rand -base64 32 > ${quote(path)})`
  })

/**
 * Reads a key from a file, in the format of {@link fromBase64}. The text may end with a line break.
 *
 * The file has the requirements of a `FileTokenStore` file: it must belong to this user, and no other user may access
 * it or replace it in its folder. A key in the same folder as the token file protects only copies of the token file.
 *
 * Fails with `ReadFailed` (the file does not exist or cannot be read), `Insecure`, `OwnerMismatch` and `Corrupt`.
 *
 * @param path - the file. A relative path is resolved against the working directory.
 * @since 0.1.0
 * @category constructors
 */
export const fromFile = (path: string): Effect.Effect<EncryptionKey, TokenStoreError> =>
  Effect.gen(function* () {
    const file = resolve(path)
    const bytes = (yield* SecureDirectory.check(dirname(file))) ? yield* SecureFile.read(file) : Option.none()
    if (Option.isNone(bytes)) return yield* keyFileMissing(file)
    const text = Buffer.from(bytes.value)
      .toString("latin1")
      .replace(/\r?\n$/, "")
    return yield* Effect.mapError(
      decode(text),
      () => new TokenStoreError({ reason: "Corrupt", detail: `the key in ${quote(file)} is not ${expectedFormat}.` })
    )
  })

const minPassphraseLength = 8

const passphraseTooShort = () =>
  new TokenStoreError({
    reason: "Insecure",
    detail: `the passphrase has less than ${minPassphraseLength} characters. Use several random words.`
  })

/**
 * Makes a passphrase for `EncryptedTokenStore`. Its key is derived once, when the store is opened, by scrypt
 * ([RFC 7914](https://www.rfc-editor.org/rfc/rfc7914)) with N = 2^17, r = 8, p = 1. That takes about half a second and
 * 128 MiB, in another thread. The store keeps the salt in a record.
 *
 * Fails with `Insecure` for less than 8 characters.
 *
 * @since 0.1.0
 * @category constructors
 */
export const passphrase = (text: Redacted.Redacted): Effect.Effect<Passphrase, TokenStoreError> =>
  Effect.suspend(() =>
    secretOf(text).length < minPassphraseLength
      ? Effect.fail(passphraseTooShort())
      : Effect.succeed({ _tag: "Passphrase", passphrase: text })
  )

/**
 * Derives a key from a passphrase and your own salt, as {@link passphrase} describes. The salt need not be secret.
 *
 * Fails with `Insecure` for a passphrase of less than 8 characters, and for a salt of less than 16 bytes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromPassphrase = (
  text: Redacted.Redacted,
  salt: Uint8Array
): Effect.Effect<EncryptionKey, TokenStoreError> =>
  Effect.gen(function* () {
    yield* passphrase(text)
    if (salt.length < KeyDerivation.saltBytes) {
      return yield* new TokenStoreError({
        reason: "Insecure",
        detail: `the salt has less than ${KeyDerivation.saltBytes} bytes. Use a longer salt.`
      })
    }
    return fromBytes(yield* KeyDerivation.deriveFromPassphrase(Redacted.value(text), salt))
  })

const keychainAccount = "encryption-key"

const invalidKeychainItem = () =>
  new TokenStoreError({
    reason: "Corrupt",
    detail: `the keychain item ${keychainAccount} is not a key. It was not changed. Remove the item, and sign in again.`
  })

/**
 * A key in the keychain of the operating system, as the item `encryption-key`. The first use creates a random key, in
 * one process only, and every later use reads the same key. A new key is read back before it is used. The lock is a file in
 * `lockDirectory`, or the `ProcessLock` of the context.
 *
 * Fails like `KeychainTokenStore.make`, and with `Corrupt` if the item is not a key. The item is never overwritten.
 *
 * @param options - the service of the keychain, and the lock files.
 * @since 0.1.0
 * @category constructors
 */
export const fromKeychain = (options: KeychainTokenStore.Options): Effect.Effect<EncryptionKey, TokenStoreError> =>
  Effect.gen(function* () {
    const keychain = yield* Keychain.make(options)
    const get = keychain.get(keychainAccount)
    const createKey = Effect.gen(function* () {
      const before = yield* get
      if (Option.isSome(before)) return before
      yield* Effect.flatMap(generate, (text) => keychain.set(keychainAccount, Redacted.value(text)))
      return yield* get
    })
    const found = yield* get
    const text = Option.isSome(found) ? found : yield* keychain.withLock(keychainAccount)(createKey)
    return yield* Effect.mapError(Option.flatMap(text, decode), invalidKeychainItem)
  })

/**
 * Generates a new random key as text, for {@link fromBase64}. Keep the text in a safe place.
 *
 * @since 0.1.0
 * @category constructors
 */
export const generate: Effect.Effect<Redacted.Redacted> = Effect.map(KeyDerivation.randomKey, (bytes) =>
  Redacted.make(bytes.toString("base64"))
)
