/**
 * Tokens in a file that only its owner can use, shared safely by every process of the host.
 *
 * @since 0.1.0
 */
import type { Token } from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { createHash } from "node:crypto"
import { dirname, resolve } from "node:path"
import type { Records } from "./internal/fileStore/tokenFileCodec.js"
import * as TokenFile from "./internal/fileStore/tokenFileCodec.js"
import * as SecureDirectory from "./internal/filesystem/secureDirectory.js"
import * as SecureFile from "./internal/filesystem/secureFile.js"
import { removeStaleFiles } from "./internal/lock/removeStaleFiles.js"
import * as ProcessLock from "./ProcessLock.js"

/**
 * Where the tokens are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The file. A relative path counts from the working directory at construction. The file (0600) and its folder
   * (0700) are created with the first token; lock files `path.….lock` come and go beside it.
   */
  readonly path: string
  /** How long to wait for another process that writes, or that runs an exclusive effect: 15 seconds when left out. */
  readonly lockTimeout?: Duration.DurationInput | undefined
}

const load = (path: string): Effect.Effect<Records, TokenStoreError> =>
  Effect.gen(function* () {
    if (!(yield* SecureDirectory.check(dirname(path)))) return TokenFile.empty
    const bytes = yield* SecureFile.read(path)
    return Option.isNone(bytes) ? TokenFile.empty : yield* TokenFile.decode(path, bytes.value)
  })

const save = (path: string, records: Records): Effect.Effect<void, TokenStoreError> =>
  Effect.flatMap(TokenFile.encode(path, records), (bytes) => SecureFile.replace(path, bytes))

const versionOf = ({ stored }: Records, key: string): number => stored.get(key)?.version ?? 0

/** With a token under a version that the key never had. */
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
 * Moves a damaged file aside, with all its bytes, and gives its new path. The new file counts versions from the time in
 * milliseconds: the versions of the damaged one are not known, and none may come twice.
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

/** Keys are text of any kind: only their hash is fit for a file's name. As UTF-16, since UTF-8 has no lone surrogates. */
const lockPathOf = (path: string, key: string): string =>
  `${path}.${createHash("sha256").update(key, "utf16le").digest("hex").slice(0, 32)}.lock`

/**
 * A store in one file.
 *
 * - A write is durable and at once: a reader, another process or a power cut finds the old file or the new one. What
 *   cannot be written leaves the old file as it was.
 * - The file must belong to the effective user, who may be root, and grant nothing to anybody else; its folder must
 *   belong to that user or to root, and let nobody else replace files (a sticky bit will do). Folders further up are
 *   not checked. On Windows, access lists decide instead.
 * - A file that is damaged, another user's or of a newer release is never overwritten or removed. For a token source that
 *   loses nothing by it (`onCorruptRecord: "replace"`, such as `ClientCredentials`), a damaged file is moved aside:
 *   `tokens.json.<32 hexadecimal digits>.corrupt` keeps its bytes. A file with JSON of another program is left in its place.
 * - A removed record leaves nothing in the file but its version, in one number for all of them.
 * - Reads take no lock. Writes take a short one between processes, and `withLock` another one for each key. They are
 *   those of `ProcessLock` in the context, where there is one, and else files that name their owner. The store reaches
 *   as far as they do.
 *
 * Everything is checked once at construction. Fails with `Insecure` (others may read or replace the file; the message
 * has the command that mends it), `Foreign` (another user's, another format, a newer release), `ReadFailed`,
 * `WriteFailed` (the system's reason is named) and, from writes and `withLock` alone, `LockTimeout`. A damaged file is logged at
 * construction, and reads and writes fail with `Corrupt`. No error shows a token.
 *
 * @param options - the path, and how long to wait for other processes.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TokenStore.Service, TokenStoreError> =>
  Effect.gen(function* () {
    const path = resolve(options.path)
    const folder = dirname(path)
    const locks = yield* ProcessLock.fromContext({ lockTimeout: options.lockTimeout })
    yield* Effect.catchIf(
      load(path),
      ({ reason }) => reason === "Corrupt",
      // For a client that gets a new token at no cost this is no reason to stop, see `quarantine`.
      ({ message }) => Effect.logWarning(message)
    )
    yield* removeStaleFiles(path, locks)
    const runLocked = (effect: Effect.Effect<Option.Option<string>, TokenStoreError>) =>
      Effect.zipRight(SecureDirectory.ensure(folder), locks.withLock(`${path}.lock`)(Effect.uninterruptible(effect)))

    /** Runs `change` on the file as it is while nobody else writes; what it gives is written, if it gives anything. */
    const update = <A>(change: (records: Records) => { readonly result: A; readonly records?: Records }) =>
      Effect.gen(function* () {
        const { records, result } = change(yield* load(path))
        if (records !== undefined) yield* save(path, records)
        return result
      }).pipe(
        // Once the file may have changed, the caller has to be told.
        Effect.uninterruptible,
        locks.withLock(`${path}.lock`),
        (runLocked) => Effect.zipRight(SecureDirectory.ensure(folder), runLocked)
      )

    return {
      lockScope: locks.reach,
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
        // A key that no record can have is not even hashed.
        TokenFile.exceedsMaxSize(key)
          ? TokenFile.tooLarge(path)
          : Effect.zipRight(SecureDirectory.ensure(folder), locks.withLock(lockPathOf(path, key))(effect))
    }
  })

/**
 * {@link make} as a Layer.
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
 * {@link layer} with options from the configuration.
 *
 * @example
 * import * as FileTokenStore from "@countersign/node/FileTokenStore"
 * import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
 *
 * const StoreLive = FileTokenStore.layerConfig({ path: Config.string("TOKEN_FILE") })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<TokenStore.TokenStore, TokenStoreError | ConfigError> =>
  Layer.effect(TokenStore.TokenStore, Effect.flatMap(Config.unwrap(options), make))
