/**
 * Keys for `EncryptedTokenStore`, and where they come from.
 *
 * @since 0.1.0
 */
import { TokenStoreError } from "@countersign/client/Errors"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { KeyObject } from "node:crypto"
import { dirname, resolve } from "node:path"
import * as KeyDerivation from "./internal/encryption/keyDerivation.js"
import * as SecureDirectory from "./internal/filesystem/secureDirectory.js"
import * as SecureFile from "./internal/filesystem/secureFile.js"
import { quote } from "./internal/filesystem/systemError.js"
import * as Keychain from "./internal/keychain/keychain.js"
import type * as KeychainTokenStore from "./KeychainTokenStore.js"

/**
 * A key. It shows its bytes in no log: they are behind a `KeyObject` of Node.
 *
 * No more than 2^32 tokens may be sealed with one key, since each has a random nonce of 96 bits
 * ([NIST SP 800-38D §8.3](https://doi.org/10.6028/NIST.SP.800-38D)): a token a second for 136 years.
 *
 * @since 0.1.0
 * @category models
 */
export interface EncryptionKey {
  readonly _tag: "EncryptionKey"
  /** By which a record says what it was sealed with: 16 hexadecimal digits that tell nothing about the key. */
  readonly id: string
  /** What seals: derived from the key that was given ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)). */
  readonly cipherKey: KeyObject
}

/**
 * A passphrase of which a key is made when a store is opened, with a random salt that the store keeps.
 *
 * @since 0.1.0
 * @category models
 */
export interface Passphrase {
  readonly _tag: "Passphrase"
  readonly passphrase: Redacted.Redacted
}

/**
 * What a store can be opened with.
 *
 * @since 0.1.0
 * @category models
 */
export type KeySource = EncryptionKey | Passphrase

const fromBytes = (bytes: Uint8Array): EncryptionKey => ({
  _tag: "EncryptionKey",
  ...KeyDerivation.deriveKeyAndId(bytes)
})

const expectedFormat = "base64 of 32 bytes, as `openssl rand -base64 32` writes them"

const decode = (text: string): Option.Option<EncryptionKey> =>
  Option.map(Option.fromNullable(KeyDerivation.fromBase64(text, KeyDerivation.keyBytes)), fromBytes)

/**
 * A key from text: base64 ([RFC 4648 §4](https://www.rfc-editor.org/rfc/rfc4648#section-4)) of exactly 32 bytes, for
 * keys that a key service gives. Fails with `Corrupt` for anything else, without showing it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromBase64 = (text: Redacted.Redacted): Effect.Effect<EncryptionKey, TokenStoreError> =>
  Effect.mapError(
    decode(Redacted.value(text)),
    () => new TokenStoreError({ reason: "Corrupt", detail: `the encryption key is not ${expectedFormat}` })
  )

/**
 * A key from the configuration, in the form of {@link fromBase64}. Fails with `ConfigError` for anything else, without
 * showing it. The environment of a process can be read by its user and is inherited by what it starts.
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
  Config.mapOrFail(Config.redacted(name), (text) =>
    Either.fromOption(decode(Redacted.value(text)), () => ConfigError.InvalidData([name], `Expected ${expectedFormat}`))
  )

const keyFileMissing = (path: string) =>
  new TokenStoreError({
    reason: "ReadFailed",
    detail: `there is no key in ${quote(path)}; run: (umask 077; openssl rand -base64 32 > ${quote(path)})`
  })

/**
 * A key from a file that holds what {@link fromBase64} takes, and perhaps a line's end.
 *
 * The file is held to what a `FileTokenStore` holds its own to: of this user, without access for anybody else, in a
 * folder where nobody else can replace it. A key beside the file that it protects protects copies of that file alone.
 *
 * Fails with `ReadFailed` (it is not there, or cannot be read), `Insecure`, `Foreign` and `Corrupt`.
 *
 * @param path - the file; a relative path counts from the working directory.
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
      () => new TokenStoreError({ reason: "Corrupt", detail: `the key in ${quote(file)} is not ${expectedFormat}` })
    )
  })

const minPassphraseLength = 8

const passphraseTooShort = () =>
  new TokenStoreError({
    reason: "Insecure",
    detail: `a passphrase has at least ${minPassphraseLength} characters; take several random words`
  })

/**
 * A passphrase to open a store with. Its key is made once, when the store is opened, by scrypt
 * ([RFC 7914](https://www.rfc-editor.org/rfc/rfc7914)) with N = 2^17, r = 8, p = 1: about half a second and 128 MiB, off
 * the main thread. The store keeps the salt beside its records.
 *
 * Fails with `Insecure` below 8 characters.
 *
 * @since 0.1.0
 * @category constructors
 */
export const passphrase = (text: Redacted.Redacted): Effect.Effect<Passphrase, TokenStoreError> =>
  Redacted.value(text).length < minPassphraseLength
    ? Effect.fail(passphraseTooShort())
    : Effect.succeed({ _tag: "Passphrase", passphrase: text })

/**
 * The key of a passphrase with a salt of your own, which need not be secret: see {@link passphrase} for how it is made.
 *
 * Fails with `Insecure` below 8 characters, and for a salt of less than 16 bytes.
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
        detail: `a salt has at least ${KeyDerivation.saltBytes} bytes`
      })
    }
    return fromBytes(yield* KeyDerivation.deriveFromPassphrase(Redacted.value(text), salt))
  })

const keychainAccount = "encryption-key"

const invalidKeychainItem = () =>
  new TokenStoreError({
    reason: "Corrupt",
    detail: `the item ${keychainAccount} of the keychain is no key; it was left as it is: remove it there, and sign in again`
  })

/**
 * A key that the keychain of the operating system keeps, as the item `encryption-key`: made at random when it is asked
 * for first, by one process alone, and the same ever after. It has to be read back before it is used.
 *
 * Fails like `KeychainTokenStore.make`; with `Corrupt` where the item is something else, which is never overwritten.
 *
 * @param options - which keychain, and how it is shared.
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
 * A new random key as text, for {@link fromBase64} and to be kept somewhere safe.
 *
 * @since 0.1.0
 * @category constructors
 */
export const generate: Effect.Effect<Redacted.Redacted> = Effect.map(KeyDerivation.randomKey, (bytes) =>
  Redacted.make(bytes.toString("base64"))
)
