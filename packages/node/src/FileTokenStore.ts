/**
 * Tokens in a file that only its owner can use, shared safely by every process of the host.
 *
 * @since 0.1.0
 */
import type { Token } from "@countersign/auth/Token"
import type { Stored } from "@countersign/auth/TokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/client/Errors"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { createHash } from "node:crypto"
import { dirname, resolve } from "node:path"
import type { Entry, Records } from "./internal/records.js"
import * as RecordsFile from "./internal/records.js"
import * as SecureFile from "./internal/secureFile.js"
import * as SecureFolder from "./internal/secureFolder.js"
import { sweep } from "./internal/sweep.js"
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
    if (!(yield* SecureFolder.check(dirname(path)))) return new Map()
    const bytes = yield* SecureFile.read(path)
    return Option.isNone(bytes) ? new Map() : yield* RecordsFile.decode(path, bytes.value)
  })

const save = (path: string, records: Records): Effect.Effect<void, TokenStoreError> =>
  Effect.flatMap(RecordsFile.encode(path, records), (bytes) => SecureFile.replace(path, bytes))

const storedIn = (entry: Entry | undefined): Option.Option<Stored> =>
  entry?.token === undefined ? Option.none() : Option.some({ token: entry.token, version: entry.version })

const versionOf = (entry: Entry | undefined): number => (entry?.token === undefined ? 0 : entry.version)

/** Keys are text of any kind: only their hash is fit for a file's name. As UTF-16, since UTF-8 has no lone surrogates. */
const lockOf = (path: string, key: string): string =>
  `${path}.${createHash("sha256").update(key, "utf16le").digest("hex").slice(0, 32)}.lock`

/**
 * A store in one file.
 *
 * - A write is durable and at once: a reader, another process or a power cut finds the old file or the new one. What
 *   cannot be written leaves the old file as it was.
 * - The file must belong to the effective user, who may be root, and grant nothing to anybody else; its folder must
 *   belong to that user or to root, and let nobody else replace files (a sticky bit will do). Folders further up are
 *   not checked. On Windows, access lists decide instead.
 * - A file that is broken, somebody else's or of a newer release is never overwritten or removed.
 * - Reads take no lock. Writes take a short one between processes, and `exclusive` another one for each key. They are
 *   those of `ProcessLock` in the context, where there is one, and else files that name their owner. The store reaches
 *   as far as they do.
 *
 * Everything is checked once at construction. Fails with `Insecure` (others may read or replace the file; the message
 * has the command that mends it), `Corrupt`, `Foreign` (another user's, another format, a newer release), `ReadFailed`,
 * `WriteFailed` (the system's reason is named) and, from writes and `exclusive` alone, `Busy`. No error shows a token.
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
    yield* load(path)
    yield* sweep(path, locks)

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
        (locked) => Effect.zipRight(SecureFolder.ensure(folder), locked)
      )

    return {
      reach: locks.reach,
      get: (key) => Effect.map(load(path), (records) => storedIn(records.get(key))),
      compareAndSet: (key, expected, token: Token) =>
        update((records) => {
          const entry = records.get(key)
          if (versionOf(entry) !== expected) return { result: Option.none<Stored>() }
          const stored = { version: (entry?.version ?? 0) + 1, token }
          return { result: Option.some(stored), records: new Map(records).set(key, stored) }
        }),
      remove: (key, expected) =>
        update((records) => {
          const entry = records.get(key)
          if (entry?.token === undefined || entry.version !== expected) return { result: false }
          return { result: true, records: new Map(records).set(key, { version: entry.version }) }
        }),
      exclusive: (key) => (effect) =>
        // A key that no record can have is not even hashed.
        RecordsFile.isHuge(key)
          ? RecordsFile.tooLarge(path)
          : Effect.zipRight(SecureFolder.ensure(folder), locks.withLock(lockOf(path, key))(effect))
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
 * import * as Config from "effect/Config"
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
