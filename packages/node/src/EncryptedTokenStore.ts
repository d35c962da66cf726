/**
 * Tokens that are encrypted before another store gets to see them.
 *
 * @since 0.1.0
 */
import type { Token } from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as EncryptionKey from "./EncryptionKey.js"
import * as EncryptedToken from "./internal/encryption/encryptedToken.js"
import * as KeyRing from "./internal/encryption/keyRing.js"

/**
 * How tokens are encrypted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Which store this is: what was sealed under one name opens under no other. It has to stay the same as long as the
   * records are to be read, wherever they are moved to.
   */
  readonly storeId: string
  /** What new records are sealed with. */
  readonly key: EncryptionKey.KeySource
  /** What older records may have been sealed with: they open, and their next write seals them with `key`. */
  readonly previousKeys?: ReadonlyArray<EncryptionKey.KeySource> | undefined
  /**
   * Whether to adopt records that were never encrypted: they are sealed when they are read first. Set it once and take
   * it away again, for as long as it is set, whoever writes to the store below can plant a token of his own.
   */
  readonly adoptUnencrypted?: boolean | undefined
}

const reservedKey = () =>
  new TokenStoreError({
    reason: "WriteFailed",
    detail: "that key is where the salt of the passphrase is kept; choose another"
  })

/**
 * A store that encrypts what it files in `inner`, and is in all else what `inner` is: its reach, its durability, its
 * versions.
 *
 * - Each token is sealed as a whole by AES-256-GCM ([NIST SP 800-38D](https://doi.org/10.6028/NIST.SP.800-38D)) with a
 *   new random nonce of 96 bits: its scope, its times and its issuer as much as its secrets. In `inner` it is a token of
 *   the type `sealed/v1` whose text is the key's id and the sealed bytes. The record's key and its version stay readable.
 * - The format, the key's id, the store's `storeId` and the record's key are authenticated with it: a record that was moved
 *   to another key or to another store does not open. An *older* record put back into its own place does: that is for
 *   `inner` to prevent.
 * - What does not open is never overwritten or removed, and no error shows a token or a key.
 *
 * Fails with `Foreign` (sealed with a key that is not given, or by a newer release), `Corrupt` (changed, cut, moved, or
 * larger than 256 KiB), `Insecure` (not encrypted), `WriteFailed` (a token of more than 256 KiB), and with whatever
 * `inner` fails with. Passphrases are made into keys before this succeeds. If `inner` is damaged so that their salt cannot be
 * read, this succeeds with a warning, and each use fails with `Corrupt`.
 *
 * @param inner - where the records go.
 * @param options - the store's name and the keys.
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  inner: TokenStore.Service,
  options: Options
): Effect.Effect<TokenStore.Service, TokenStoreError> =>
  hasPassphrase(options)
    ? Effect.matchEffect(inner.get(KeyRing.saltKey), {
        onFailure: (error) =>
          error.reason === "Corrupt"
            ? Effect.as(Effect.logWarning(error.message), makeUnreadable(inner, error))
            : Effect.fail(error),
        onSuccess: () => makeWithKeys(inner, options)
      })
    : makeWithKeys(inner, options)

/** The salt of a passphrase is in `inner`: where that is damaged, nothing can be opened or sealed. */
const hasPassphrase = ({ key, previousKeys = [] }: Options): boolean =>
  [key, ...previousKeys].some(({ _tag }) => _tag !== "EncryptionKey")

/** What is left of a store whose salt cannot be read: a client that gets a new token at no cost goes on without it. */
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

    /** A plain record, sealed. When that fails the token is as good as before, so it is used all the same. */
    const adopt = (
      key: string,
      { token, version }: VersionedToken
    ): Effect.Effect<Option.Option<VersionedToken>, TokenStoreError> =>
      Effect.matchEffect(writeEncrypted(key, version, token), {
        onFailure: (error) =>
          Effect.as(
            Effect.logWarning(`A token is still not encrypted. ${error.message}`),
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

    /** Before something is written in its place: what does not open stays. */
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
 * {@link make} as a Layer, over the store that it is given: see `EncryptionKey.config` for one with a key from the
 * environment.
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
 * Seals records with the current key of a store, one after the other, so that an older key can be taken out of use.
 * Gives how many there were. Run it where no token source is at work on the store, or again until it is done: a record
 * that somebody else writes meanwhile is sealed by that.
 *
 * @param store - what {@link make} gave.
 * @param keys - the keys of the records: a store does not know them all.
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
