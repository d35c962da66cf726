/**
 * Token store that encrypts each record, and keeps the encrypted records in another token store.
 *
 * @since 0.1.0
 */
import type { Token } from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as EncryptionKey from "./EncryptionKey.js"
import * as EncryptedToken from "./internal/encryption/encryptedToken.js"
import * as KeyRing from "./internal/encryption/keyRing.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * Options of {@link make} and {@link layer}: the keys, and the identifier of the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Identifies the store. A record that was encrypted with one `storeId` cannot be decrypted with another. Keep the
   * value for as long as the records exist, even if they are moved.
   */
  readonly storeId: string
  /** The key that encrypts new records. */
  readonly key: EncryptionKey.KeySource
  /**
   * Keys that older records are encrypted with. Such records can be read, and their next write uses `key`. Default:
   * none.
   */
  readonly previousKeys?: ReadonlyArray<EncryptionKey.KeySource> | undefined
  /**
   * Encrypts records that are not encrypted, when they are first read. Default: false, and such records fail with
   * `Insecure`.
   *
   * Set it for one migration, then remove it. While it is set, any program that can write to the inner store can plant
   * a token.
   */
  readonly adoptUnencrypted?: boolean | undefined
}

const names: OptionNames.ShapeOf<Options> = { storeId: true, key: true, previousKeys: true, adoptUnencrypted: true }

const reservedKey = () =>
  new TokenStoreError({
    reason: "WriteFailed",
    detail: "the record's key is reserved for the salt of the passphrase. Choose another key."
  })

/**
 * Makes a token store that encrypts each record and keeps it in `inner`. Lock scope, durability and versions are those
 * of `inner`.
 *
 * - The whole token is encrypted with AES-256-GCM ([NIST SP 800-38D](https://doi.org/10.6028/NIST.SP.800-38D)) and a
 *   new random nonce of 96 bits: its secrets, scope, times and issuer. In `inner` it is a token of the type
 *   `sealed/v1`. Its text is the id of the key and the ciphertext. The record's key and version are not encrypted.
 * - The format, the id of the key, `storeId` and the record's key are authenticated data. A record that is moved to
 *   another key or another store cannot be decrypted. An older record under its own key can: `inner` must protect
 *   against that.
 * - A record that cannot be decrypted is never overwritten or removed. No error contains a token or a key.
 *
 * Passphrases are derived into keys before this succeeds. If the salt in `inner` is damaged, this succeeds with a
 * warning, and each use fails with `Corrupt`.
 *
 * Fails with the errors of `inner`, and with these reasons:
 *
 * - `UnknownKey`: the record was encrypted with a key that is not given.
 * - `UnsupportedFormat`: the record was encrypted by a newer release.
 * - `Corrupt`: the record was modified, truncated or moved, or is larger than 256 KiB.
 * - `Insecure`: the record is not encrypted.
 * - `WriteFailed`: the token is larger than 256 KiB.
 *
 * @param inner - the store that keeps the encrypted records.
 * @param options - the identifier of the store, and the keys.
 * @since 0.1.0
 * @category constructors
 */
export const make = (inner: TokenStore.Service, options: Options): Effect.Effect<TokenStore.Service, TokenStoreError> =>
  Effect.suspend(() =>
    hasPassphrase(OptionNames.known("`EncryptedTokenStore`", options, names))
      ? Effect.matchEffect(inner.get(KeyRing.saltKey), {
          onFailure: (error) =>
            error.reason === "Corrupt"
              ? Effect.as(Effect.logWarning(error.message), makeUnreadable(inner, error))
              : Effect.fail(error),
          onSuccess: () => makeWithKeys(inner, options)
        })
      : makeWithKeys(inner, options)
  )

/** A passphrase needs the salt in `inner`. If the salt is damaged, nothing can be encrypted or decrypted. */
const hasPassphrase = ({ key, previousKeys = [] }: Options): boolean =>
  [key, ...previousKeys].some(({ _tag }) => _tag !== "EncryptionKey")

/** A store with an unreadable salt. A client that can get a new token without the user continues without the store. */
const makeUnreadable = (inner: TokenStore.Service, error: TokenStoreError): TokenStore.Service => ({
  lockScope: inner.lockScope,
  get: () => Effect.fail(error),
  compareAndSet: () => Effect.fail(error),
  remove: () => Effect.fail(error),
  withLock: inner.withLock
})

const makeWithKeys = (
  inner: TokenStore.Service,
  options: Options
): Effect.Effect<TokenStore.Service, TokenStoreError> =>
  Effect.map(KeyRing.make(inner, options.key, options.previousKeys ?? []), ({ all, current }) => {
    const locationOf = (key: string): EncryptedToken.RecordLocation => ({ store: options.storeId, key })
    const isAdoptable = ({ token }: VersionedToken) =>
      options.adoptUnencrypted === true && EncryptedToken.isUnencrypted(token)

    const writeEncrypted = (key: string, expected: number, token: Token) =>
      Effect.flatMap(EncryptedToken.encrypt(current, locationOf(key), token), (encrypted) =>
        Effect.map(
          inner.compareAndSet(key, expected, encrypted),
          Option.map(({ version }) => ({ token, version }))
        )
      )

    /** Encrypts an unencrypted record. If the write fails, the token is still valid and is used. */
    const adopt = (
      key: string,
      { token, version }: VersionedToken
    ): Effect.Effect<Option.Option<VersionedToken>, TokenStoreError> =>
      Effect.matchEffect(writeEncrypted(key, version, token), {
        onFailure: (error) =>
          Effect.as(
            Effect.logWarning(`A token was read but could not be encrypted. ${error.message}`),
            Option.some({ token, version })
          ),
        onSuccess: (stored) => (Option.isSome(stored) ? Effect.succeed(stored) : get(key))
      })

    const decryptRecord = (key: string, stored: VersionedToken): Effect.Effect<VersionedToken, TokenStoreError> =>
      Effect.map(EncryptedToken.decrypt(all, locationOf(key), stored.token), (token) => ({
        token,
        version: stored.version
      }))

    const get = (key: string): Effect.Effect<Option.Option<VersionedToken>, TokenStoreError> =>
      Effect.flatMap(inner.get(key), (stored) => {
        if (key === KeyRing.saltKey || Option.isNone(stored)) return Effect.succeedNone
        return isAdoptable(stored.value) ? adopt(key, stored.value) : Effect.asSome(decryptRecord(key, stored.value))
      })

    /** Runs a change only if the present record can be decrypted. A record that cannot is never replaced. */
    const ifReadable = <A>(key: string, change: Effect.Effect<A, TokenStoreError>): Effect.Effect<A, TokenStoreError> =>
      Effect.gen(function* () {
        if (key === KeyRing.saltKey) return yield* reservedKey()
        const stored = yield* inner.get(key)
        if (Option.isSome(stored) && !isAdoptable(stored.value)) yield* decryptRecord(key, stored.value)
        return yield* change
      })

    return {
      lockScope: inner.lockScope,
      get,
      compareAndSet: (key, expected, token) => ifReadable(key, writeEncrypted(key, expected, token)),
      remove: (key, expected) => ifReadable(key, inner.remove(key, expected)),
      ...(inner.quarantine !== undefined && !hasPassphrase(options) && { quarantine: inner.quarantine }),
      withLock: inner.withLock
    }
  })

/**
 * Layer that encrypts the records of the token store below it. `EncryptionKey` has keys from the environment, a file or
 * the keychain.
 *
 * @example
 * import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
 * import * as EncryptionKey from "@countersign/node/EncryptionKey"
 * import * as FileTokenStore from "@countersign/node/FileTokenStore"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const StoreLive = EncryptionKey.fromKeychain({ service: "app", lockDirectory: "/home/me/.config/app" }).pipe(
 *   Effect.map((key) => EncryptedTokenStore.layer({ storeId: "app", key })),
 *   Layer.unwrapEffect,
 *   Layer.provide(FileTokenStore.layer({ path: "/home/me/.config/app/tokens.json" }))
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenStore.TokenStore, TokenStoreError, TokenStore.TokenStore> =>
  Layer.effect(
    TokenStore.TokenStore,
    Effect.flatMap(TokenStore.TokenStore, (inner) => make(inner, options))
  )

/**
 * Encrypts records again with the current key, one after the other, so that an older key can be retired. Returns the
 * number of records.
 *
 * Run it while no token source uses the store, or repeat it: another process may write a record with its own key.
 *
 * @param store - a store of {@link make}.
 * @param keys - the keys of the records, because a store cannot list them.
 * @since 0.1.0
 * @category keys
 */
export const reencrypt = (store: TokenStore.Service, keys: Iterable<string>): Effect.Effect<number, TokenStoreError> =>
  Effect.map(
    Effect.forEach(keys, (key) =>
      Effect.flatMap(store.get(key), (stored) =>
        Option.isNone(stored)
          ? Effect.succeed(0)
          : Effect.as(store.compareAndSet(key, stored.value.version, stored.value.token), 1)
      ).pipe(store.withLock(key))
    ),
    (counts) => counts.reduce<number>((sum, count) => sum + count, 0)
  )
