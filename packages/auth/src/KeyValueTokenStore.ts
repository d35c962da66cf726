/**
 * Tokens in a `KeyValueStore` of `@effect/platform`, or in whatever else keeps texts under names.
 *
 * @since 0.1.0
 */
import { TokenStoreError } from "@countersign/client/Errors"
import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Turns } from "./internal/concurrency/keyedMutex.js"
import { makeTurns } from "./internal/concurrency/keyedMutex.js"
import type { Record } from "./internal/store/recordCodec.js"
import * as RecordText from "./internal/store/recordCodec.js"
import type { LockScope, VersionedToken } from "./TokenStore.js"
import * as TokenStore from "./TokenStore.js"

/**
 * Something that keeps texts under names, for {@link fromTextStore}. Names have 64 characters of `0-9a-f`; with `remove`, one more
 * is `last-version`.
 *
 * @since 0.1.0
 * @category models
 */
export interface TextStore {
  /** What it is, for messages: "the keychain". */
  readonly description: string
  /** How far `withLock` reaches. */
  readonly lockScope: LockScope
  /** The text under a name, read anew. */
  readonly get: (name: string) => Effect.Effect<Option.Option<string>, TokenStoreError>
  /** Writes a text. When it succeeds, the text is as durable as this can make it. It is not interrupted. */
  readonly set: (name: string, text: string) => Effect.Effect<void, TokenStoreError>
  /**
   * Removes the text under a name. It is not interrupted. Without it, a removed record leaves a text with its version, so that
   * no version comes twice. With it, one text under `last-version` holds the highest version of all removed records.
   */
  readonly remove?: ((name: string) => Effect.Effect<void, TokenStoreError>) | undefined
  /**
   * Runs an effect while nobody else within `lockScope` runs one for the same lock. Locks are names, and names with
   * `.write` after them; the latter are held for a read and a write.
   */
  readonly withLock: (
    lock: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

const hexadecimal = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** As UTF-16, since in UTF-8 all halves of a surrogate are one. */
const bytesOf = (key: string): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(key.length * 2)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < key.length; at++) view.setUint16(at * 2, key.charCodeAt(at))
  return bytes
}

const noCrypto = () =>
  new TokenStoreError({
    reason: "ReadFailed",
    detail: "there is no crypto.subtle to name records with; browsers have it where pages are served by https alone"
  })

/** To hash a longer one would keep everybody else waiting. */
const longestKey = 512 * 1024

const tooLong = new TokenStoreError({
  reason: "WriteFailed",
  detail: `the key is longer than ${longestKey} characters: choose a shorter one`
})

/** Keys are text of any kind: only their hash is fit for a name. */
const nameOf = (key: string): Effect.Effect<string, TokenStoreError> => {
  if (key.length > longestKey) return Effect.fail(tooLong)
  return Effect.tryPromise({
    try: () => globalThis.crypto.subtle.digest("SHA-256", bytesOf(key)),
    catch: noCrypto
  }).pipe(Effect.map((hash) => hexadecimal(new Uint8Array(hash))))
}

const storedIn = ({ token, version }: Record): Option.Option<VersionedToken> =>
  token === undefined ? Option.none() : Option.some({ token, version })

const versionOf = ({ token, version }: Record): number => (token === undefined ? 0 : version)

/** What is there before anything was written. */
const nothing: Record = { version: 0 }

/** The name of the text that holds the highest version of all removed records. */
const lastVersion = "last-version"

const lastVersionIn = (where: string, text: string): Effect.Effect<number, TokenStoreError> =>
  /^\d{1,15}$/.test(text)
    ? Effect.succeed(Number(text))
    : new TokenStoreError({
        reason: "Corrupt",
        detail: `the text ${lastVersion} in ${where} is not a number; it was left as it is: remove all records there, and sign in again`
      })

/**
 * A token store on anything that keeps texts under names: one text a key, in the clear, which remembers the version when
 * the token is removed.
 *
 * Fails with `Corrupt` for a text that is not a record, `UnsupportedFormat` for one of another format or a newer release, neither
 * of which is ever overwritten or removed; `WriteFailed` for a token of more than 512 KiB, and for a key
 * of more than 512 Ki characters; and with whatever `texts`
 * fails with.
 *
 * @param texts - where texts are kept, and who is kept out meanwhile.
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

  /** Removes the text of a record. Its version is kept first, and only grows. */
  const forget = (name: string, version: number, remove: NonNullable<TextStore["remove"]>) =>
    Effect.flatMap(lastRemoved, (last) =>
      version > last ? texts.set(lastVersion, String(version)) : Effect.void
    ).pipe(texts.withLock(`${lastVersion}.write`), Effect.zipRight(remove(name)))

  const write = (name: string, record: Record): Effect.Effect<void, TokenStoreError> =>
    record.token === undefined && remove !== undefined
      ? forget(name, record.version, remove)
      : Effect.flatMap(RecordText.encode(texts.description, record), (text) => texts.set(name, text))

  /** Writes what `change` makes of a record, if it makes anything of it, and gives that. */
  const update = (key: string, change: (record: Record) => Record | undefined) =>
    Effect.flatMap(nameOf(key), (name) =>
      Effect.gen(function* () {
        const found = yield* read(name)
        const next = change(found.version === 0 ? { version: yield* lastRemoved } : found)
        if (next === undefined) return Option.none<Record>()
        // Once it may have been written, the caller has to be told.
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
 * How records are named.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What the names of records begin with: `countersign-token-` when left out. */
  readonly prefix?: string | undefined
}

/** By the store, so that two adapters of it take turns with each other. */
const turnsOf = new WeakMap<KeyValueStore.KeyValueStore, Turns>()

const turnsFor = (store: KeyValueStore.KeyValueStore): Turns => {
  const turns = turnsOf.get(store) ?? makeTurns()
  turnsOf.set(store, turns)
  return turns
}

/** Descriptions hold paths, and perhaps what was to be written; the reason is one of a few words. */
const failed = (reason: "ReadFailed" | "WriteFailed") => (error: PlatformError) =>
  new TokenStoreError({
    reason,
    detail: `the key-value store refused (${error._tag === "SystemError" ? error.reason : error._tag}): check it`
  })

/**
 * A store in a `KeyValueStore`.
 *
 * **Its exclusion is process-local**, and `lockScope` says so: `compareAndSet` and `withLock` are atomic among everything
 * that uses *the same service value* in this process. A `KeyValueStore` has no means against another process, nor
 * against another value over the same folder or database: two of them may refresh the same token, and a server that
 * detects reuse then revokes the whole family. Where processes share tokens, take `FileTokenStore`.
 *
 * Durability is the store's own. `KeyValueStore.layerFileSystem` writes in place, without a flush, into files that
 * everybody may read (0644 under the usual umask): put `EncryptedTokenStore` over this one there. A write that was cut
 * is found as `Corrupt`.
 *
 * Fails like {@link fromTextStore}, and with `ReadFailed` and `WriteFailed` where the `KeyValueStore` fails.
 *
 * @param store - what the records go into; nothing else in it is touched.
 * @since 0.1.0
 * @category constructors
 */
export const make = (store: KeyValueStore.KeyValueStore, options: Options = {}): TokenStore.Service => {
  const prefix = options.prefix ?? "countersign-token-"
  const turns = turnsFor(store)
  return fromTextStore({
    description: "the key-value store",
    lockScope: "process",
    get: (name) => Effect.mapError(store.get(prefix + name), failed("ReadFailed")),
    set: (name, text) => Effect.mapError(store.set(prefix + name, text), failed("WriteFailed")),
    withLock: (lock) => turns(prefix + lock)
  })
}

/**
 * {@link make} as a Layer, over the `KeyValueStore` that it is given. Its exclusion reaches no further than this process.
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
