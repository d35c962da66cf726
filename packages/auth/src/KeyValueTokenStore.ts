/**
 * Token store on a `KeyValueStore` of `@effect/platform`, or on any other storage of texts by name.
 *
 * @since 0.1.0
 */
import { TokenStoreError } from "./Errors.js"
import * as Mutex from "@countersign/client/Mutex"
import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { sha256 } from "./internal/hash/sha256.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { Record } from "./internal/store/recordCodec.js"
import * as RecordText from "./internal/store/recordCodec.js"
import type { LockScope, VersionedToken } from "./TokenStore.js"
import * as TokenStore from "./TokenStore.js"

/**
 * Storage of texts by name, for {@link fromTextStore}. A name has 64 characters of `0-9a-f`. With `remove`, there is one
 * further name, `last-version`.
 *
 * @since 0.1.0
 * @category models
 */
export interface TextStore {
  /** What the storage is, for error messages: "the keychain". */
  readonly description: string
  /** Which competitors `withLock` excludes. */
  readonly lockScope: LockScope
  /** Reads the text of a name, without a cache. */
  readonly get: (name: string) => Effect.Effect<Option.Option<string>, TokenStoreError>
  /** Writes a text. When it succeeds, the text is as durable as the storage allows. It runs uninterruptibly. */
  readonly set: (name: string, text: string) => Effect.Effect<void, TokenStoreError>
  /**
   * Removes the text of a name. It runs uninterruptibly. Optional. Without `remove`, a removed record leaves a text with its
   * version, so that no version is used twice. With it, the text `last-version` holds the highest version of all removed
   * records.
   */
  readonly remove?: ((name: string) => Effect.Effect<void, TokenStoreError>) | undefined
  /**
   * Runs an effect under a lock, which excludes other holders within `lockScope`. The name of a lock is the name of a
   * text, or that name followed by `.write`. A `.write` lock is held only for one read and one write.
   */
  readonly withLock: (
    lock: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/** UTF-16, because UTF-8 encodes all unpaired surrogates as the same replacement character. */
const bytesOf = (key: string): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(key.length * 2)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < key.length; at++) view.setUint16(at * 2, key.charCodeAt(at))
  return bytes
}

/** Maximum key length. Hashing a longer key would block other callers. */
const maxKeyLength = 512 * 1024

const tooLong = new TokenStoreError({
  reason: "WriteFailed",
  detail: `the key is longer than ${maxKeyLength} characters. Set a shorter key`
})

/** A key is any text, so its hash is used as the name. */
const nameOf = (key: string): Effect.Effect<string, TokenStoreError> => {
  if (key.length > maxKeyLength) return Effect.fail(tooLong)
  return Effect.sync(() => Encoding.encodeHex(sha256(bytesOf(key))))
}

const storedIn = ({ token, version }: Record): Option.Option<VersionedToken> =>
  token === undefined ? Option.none() : Option.some({ token, version })

const versionOf = ({ token, version }: Record): number => (token === undefined ? 0 : version)

/** The record of a key without a text. */
const nothing: Record = { version: 0 }

/** The name of the text that holds the highest version of all removed records. */
const lastVersion = "last-version"

const lastVersionIn = (where: string, text: string): Effect.Effect<number, TokenStoreError> =>
  /^\d{1,15}$/.test(text)
    ? Effect.succeed(Number(text))
    : new TokenStoreError({
        reason: "Corrupt",
        detail: `the text ${lastVersion} in ${where} is not a number. Remove all records there, and sign in again`
      })

/**
 * Makes a token store on a storage of texts by name. Each key has one text. The text is not encrypted. The version of a
 * removed token is kept.
 *
 * Fails with the errors of `texts`, and with
 *
 * - `Corrupt` for a text that is not a record
 * - `UnsupportedFormat` for a record of another format or of a newer release
 * - `WriteFailed` for a token of more than 512 KiB, or a key of more than 512 Ki characters
 *
 * Corrupt and unsupported texts are never overwritten or removed.
 *
 * @param texts - the storage and its locks.
 * @since 0.1.0
 * @category constructors
 */
export const fromTextStore = (texts: TextStore): TokenStore.Service => {
  const read = (name: string): Effect.Effect<Record, TokenStoreError> =>
    Effect.flatMap(
      texts.get(name),
      Option.match({
        onNone: () => Effect.succeed(nothing),
        onSome: (text) => RecordText.decode(texts.description, text)
      })
    )

  const { remove } = texts
  const lastRemoved =
    remove === undefined
      ? Effect.succeed(0)
      : Effect.flatMap(
          texts.get(lastVersion),
          Option.match({ onNone: () => Effect.succeed(0), onSome: (text) => lastVersionIn(texts.description, text) })
        )

  /** Removes the text of a record, after its version is written to `last-version`. That version never decreases. */
  const forget = (name: string, version: number, remove: NonNullable<TextStore["remove"]>) =>
    Effect.flatMap(lastRemoved, (last) =>
      version > last ? texts.set(lastVersion, String(version)) : Effect.void
    ).pipe(texts.withLock(`${lastVersion}.write`), Effect.zipRight(remove(name)))

  const write = (name: string, record: Record): Effect.Effect<void, TokenStoreError> =>
    record.token === undefined && remove !== undefined
      ? forget(name, record.version, remove)
      : Effect.flatMap(RecordText.encode(texts.description, record), (text) => texts.set(name, text))

  /** Writes the result of `change` unless it is undefined, and returns it. */
  const update = (key: string, change: (record: Record) => Record | undefined) =>
    Effect.flatMap(nameOf(key), (name) =>
      Effect.gen(function* () {
        const found = yield* read(name)
        const next = change(found.version === 0 ? { version: yield* lastRemoved } : found)
        if (next === undefined) return Option.none<Record>()
        // Uninterruptible, because the caller needs the result of a write that may have happened.
        yield* Effect.uninterruptible(write(name, next))
        return Option.some(next)
      }).pipe(texts.withLock(`${name}.write`))
    )

  return {
    lockScope: texts.lockScope,
    get: (key) => Effect.map(Effect.flatMap(nameOf(key), read), storedIn),
    compareAndSet: (key, expected, token) =>
      Effect.map(
        update(key, (record) => (versionOf(record) === expected ? { version: record.version + 1, token } : undefined)),
        Option.flatMap(storedIn)
      ),
    remove: (key, expected) =>
      Effect.map(
        update(key, (record) =>
          record.token !== undefined && record.version === expected ? { version: record.version } : undefined
        ),
        Option.isSome
      ),
    withLock: (key) => (effect) => Effect.flatMap(nameOf(key), (name) => texts.withLock(name)(effect))
  }
}

/**
 * Options of {@link make}: the names of the records.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Prefix of the names of the records (`countersign-token-`). */
  readonly prefix?: string | undefined
}

const names: OptionNames.ShapeOf<Options> = { prefix: true }

/** The locks by store, so that two token stores on the same `KeyValueStore` exclude each other. */
const makeLocks = new WeakMap<KeyValueStore.KeyValueStore, Mutex.KeyedMutex>()

const locksFor = (store: KeyValueStore.KeyValueStore): Mutex.KeyedMutex => {
  const turns = makeLocks.get(store) ?? Mutex.makeKeyed()
  makeLocks.set(store, turns)
  return turns
}

/** Shows the reason only, because the description contains paths and may contain the text of the token. */
const failed = (reason: "ReadFailed" | "WriteFailed") => (error: PlatformError) =>
  new TokenStoreError({
    reason,
    detail: `the key-value store failed: ${error._tag === "SystemError" ? error.reason : error._tag}. Check the store`
  })

/**
 * Makes a token store on a `KeyValueStore`.
 *
 * **The lock is process-local** (`lockScope` is `process`): `compareAndSet` and `withLock` are atomic only among users of
 * *the same service value* in this process. A `KeyValueStore` cannot exclude another process, or another value on the same
 * folder or database. Two of them may refresh the same token, and a server that detects reuse then revokes all tokens of the
 * sign-in. If processes share tokens, use `FileTokenStore`.
 *
 * The `KeyValueStore` decides how durable a write is. `KeyValueStore.layerFileSystem` writes in place, without a flush, into
 * files that every user of the machine can read (0644 with the usual umask). Use `EncryptedTokenStore` on top of it. A
 * record that was written only in part is reported as `Corrupt`.
 *
 * Fails like {@link fromTextStore}, and with `ReadFailed` or `WriteFailed` if the `KeyValueStore` fails.
 *
 * @param store - stores the records. Its other entries are not changed.
 * @since 0.1.0
 * @category constructors
 */
export const make = (store: KeyValueStore.KeyValueStore, options: Options = {}): TokenStore.Service => {
  const { prefix = "countersign-token-" } = OptionNames.known("`KeyValueTokenStore`", options, names)
  const turns = locksFor(store)
  return fromTextStore({
    description: "the key-value store",
    lockScope: "process",
    get: (name) => Effect.mapError(store.get(prefix + name), failed("ReadFailed")),
    set: (name, text) => Effect.mapError(store.set(prefix + name, text), failed("WriteFailed")),
    withLock: (lock) => turns.withLock(prefix + lock)
  })
}

/**
 * Layer with a token store on the `KeyValueStore` of the context, see {@link make}. Its lock excludes only fibers of this
 * process.
 *
 * @example
 * import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
 * import * as KeyValueStore from "@effect/platform/KeyValueStore"
 * import * as Layer from "effect/Layer"
 *
 * const StoreLive = KeyValueTokenStore.layer().pipe(Layer.provide(KeyValueStore.layerMemory))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<TokenStore.TokenStore, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(
    TokenStore.TokenStore,
    Effect.map(KeyValueStore.KeyValueStore, (store) => make(store, options))
  )
