/**
 * Token store in one file, which only its owner can access, and which the processes of one host can share.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type { Token } from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as Clock from "effect/Clock"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { dirname } from "node:path"
import type { Records } from "./internal/fileStore/tokenFileCodec.js"
import * as TokenFile from "./internal/fileStore/tokenFileCodec.js"
import { resolvePath } from "./internal/filesystem/filePath.js"
import * as SecureDirectory from "./internal/filesystem/secureDirectory.js"
import * as SecureFile from "./internal/filesystem/secureFile.js"
import { sha256Hex } from "./internal/hash/sha256.js"
import { removeStaleFiles } from "./internal/lock/removeStaleFiles.js"
import * as OptionNames from "./internal/options/optionNames.js"
import * as ProcessLock from "./ProcessLock.js"

/**
 * Options of {@link make} and {@link layer}: the file, and how long to wait for its lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The file of the tokens. A relative path is resolved against the working directory when the store is made.
   *
   * The first write creates the file (mode 0600) and its folder (0700). Lock files `<path>.….lock` are created and
   * removed in the same folder.
   */
  readonly path: string
  /**
   * How long to wait for a lock of another process: to write, or to run an effect in `withLock`. Default: 15 seconds.
   */
  readonly lockTimeout?: Duration.DurationInput | undefined
}

const names: OptionNames.ShapeOf<Options> = { path: true, lockTimeout: "duration" }

const load = (path: string): Effect.Effect<Records, TokenStoreError> =>
  Effect.gen(function* () {
    if (!(yield* SecureDirectory.check(dirname(path)))) return TokenFile.empty
    const bytes = yield* SecureFile.read(path)
    return Option.isNone(bytes) ? TokenFile.empty : yield* TokenFile.decode(path, bytes.value)
  })

const save = (path: string, records: Records): Effect.Effect<void, TokenStoreError> =>
  Effect.flatMap(TokenFile.encode(path, records), (bytes) => SecureFile.replace(path, bytes))

const versionOf = ({ stored }: Records, key: string): number => stored.get(key)?.version ?? 0

/** Adds a token under a version that its key never had. */
const withToken = (records: Records, key: string, token: Token): readonly [VersionedToken, Records] => {
  const { lastVersion, stored } = records
  const added = { version: (stored.get(key)?.version ?? lastVersion) + 1, token }
  return [added, { lastVersion, stored: new Map(stored).set(key, added) }]
}

const withoutToken = ({ lastVersion, stored }: Records, key: string): Records => {
  const rest = new Map(stored)
  rest.delete(key)
  return { lastVersion: Math.max(lastVersion, stored.get(key)?.version ?? 0), stored: rest }
}

/**
 * Moves a damaged file aside unchanged, and returns its new path. The new file counts versions from the time in
 * milliseconds. The versions of the damaged file are unknown, and no version may occur twice.
 */
const moveDamagedAside = (path: string): Effect.Effect<Option.Option<string>, TokenStoreError> =>
  Effect.gen(function* () {
    const bytes = yield* SecureFile.read(path)
    if (Option.isNone(bytes)) return Option.none()
    const decoded = yield* Effect.either(TokenFile.decode(path, bytes.value))
    if (Either.isRight(decoded) || decoded.left.reason !== "Corrupt") return Option.none()
    if (!TokenFile.isDamaged(bytes.value)) return Option.none()
    const aside = yield* SecureFile.moveAside(path)
    yield* save(path, { stored: new Map(), lastVersion: yield* Clock.currentTimeMillis })
    return Option.some(aside)
  })

/** A key can be any text, so its hash names the lock file. UTF-16, because UTF-8 cannot encode lone surrogates. */
const lockPathOf = (path: string, key: string): string => `${path}.${sha256Hex(key, "utf16le").slice(0, 32)}.lock`

/**
 * Makes a token store in one file.
 *
 * - **Durability**: a write is atomic and flushed to disk. After a power cut the file has the old content or the new
 *   one. A write that fails leaves the old file unchanged.
 * - **Permissions**: the file must belong to the effective user (which may be root), and no other user may access it.
 *   Its folder must belong to that user or to root, and no other user may replace files in it (a sticky bit is
 *   sufficient). Parent folders are not checked. On Windows, access control lists apply instead.
 * - **Damaged files**: a file that is damaged, of another user, or of a newer release is never overwritten or removed.
 *   A token source with `onCorruptRecord: "replace"`, such as `ClientCredentials`, moves a damaged file aside to
 *   `tokens.json.<32 hexadecimal digits>.corrupt`. A JSON file of another program stays in its place.
 * - **Removal**: a removed record leaves only its version in the file, in one number for all removed records.
 * - **Locks**: reads take no lock. Writes take a short lock between processes, and `withLock` takes another one per
 *   key. The locks are those of `ProcessLock` in the context, or else lock files that name their owner. They determine
 *   `lockScope`.
 *
 * Construction checks the file once. A damaged file is logged then, and each read and write fails with `Corrupt`. No
 * error contains a token. The other reasons:
 *
 * - `Insecure`: other users may read or replace the file. The message contains the command that corrects it.
 * - `OwnerMismatch`: the file is of another user.
 * - `UnsupportedFormat`: the file has another format, or the format of a newer release.
 * - `ReadFailed`, `WriteFailed`: the message names the system's error. An empty path and one that begins with `~` fail with
 *   `WriteFailed`.
 * - `LockTimeout`: only from writes and `withLock`.
 *
 * @param options - the path, and how long to wait for locks.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TokenStore.Service, TokenStoreError> =>
  Effect.gen(function* () {
    OptionNames.known("`FileTokenStore`", options, names)
    const path = yield* resolvePath("path", options.path)
    const folder = dirname(path)
    const locks = yield* ProcessLock.fromContext({ lockTimeout: options.lockTimeout })
    yield* Effect.catchIf(
      load(path),
      ({ reason }) => reason === "Corrupt",
      // A client that can get a new token without the user can continue, see `quarantine`.
      ({ message }) => Effect.logWarning(message)
    )
    yield* removeStaleFiles(path, locks)
    const runLocked = (effect: Effect.Effect<Option.Option<string>, TokenStoreError>) =>
      Effect.zipRight(SecureDirectory.ensure(folder), locks.withLock(`${path}.lock`)(Effect.uninterruptible(effect)))

    /** Runs `change` on the records while no other process writes, and writes the records that it returns, if any. */
    const update = <A>(change: (records: Records) => { readonly result: A; readonly records?: Records }) =>
      Effect.gen(function* () {
        const { records, result } = change(yield* load(path))
        if (records !== undefined) yield* save(path, records)
        return result
      }).pipe(
        // After the file may have changed, the caller must get the result.
        Effect.uninterruptible,
        locks.withLock(`${path}.lock`),
        (runLocked) => Effect.zipRight(SecureDirectory.ensure(folder), runLocked)
      )

    return {
      lockScope: locks.lockScope,
      get: (key) => Effect.map(load(path), ({ stored }) => Option.fromNullable(stored.get(key))),
      compareAndSet: (key, expected, token: Token) =>
        update((records) => {
          if (versionOf(records, key) !== expected) return { result: Option.none<VersionedToken>() }
          const [stored, next] = withToken(records, key, token)
          return { result: Option.some(stored), records: next }
        }),
      remove: (key, expected) =>
        update((records) =>
          expected > 0 && versionOf(records, key) === expected
            ? { result: true, records: withoutToken(records, key) }
            : { result: false }
        ),
      quarantine: () => runLocked(moveDamagedAside(path)),
      withLock: (key) => (effect) =>
        // The key is too long for a record, so it is not hashed.
        key.length > SecureFile.maxBytes
          ? TokenFile.tooLarge(path)
          : Effect.zipRight(SecureDirectory.ensure(folder), locks.withLock(lockPathOf(path, key))(effect))
    }
  })

/**
 * Layer that stores tokens in one file, which the processes of one host can share.
 *
 * @example
 * import * as FileTokenStore from "@countersign/node/FileTokenStore"
 *
 * const StoreLive = FileTokenStore.layer({ path: "/home/me/.config/app/tokens.json" })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenStore.TokenStore, TokenStoreError> =>
  Layer.effect(TokenStore.TokenStore, make(options))

/**
 * Layer that stores tokens in one file, with options that may be read from the configuration (`Config`).
 *
 * @example
 * import * as FileTokenStore from "@countersign/node/FileTokenStore"
 * import * as Config from "effect/Config"
 *
 * const StoreLive = FileTokenStore.layerConfig({ path: Config.string("TOKEN_FILE") })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: ConfigOptions.OrConfig<Options>
): Layer.Layer<TokenStore.TokenStore, TokenStoreError | ConfigError> =>
  Layer.effect(
    TokenStore.TokenStore,
    Effect.flatMap(
      Effect.suspend(() => ConfigOptions.read<Options>(OptionNames.known("`FileTokenStore`", options, names))),
      make
    )
  )
