import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { randomBytes } from "node:crypto"
import type { Stats } from "node:fs"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { dirname } from "node:path"
import { effectiveUser, flush } from "./secureDirectory.js"
import type { SystemError } from "./systemError.js"
import { tryFileSystem, explain, quote } from "./systemError.js"

/** Maximum size of a file. A token store has a few kilobytes. */
export const maxBytes = 1024 * 1024

/** Opening must not block on a FIFO, and must not follow a symbolic link. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

const accessibleByOthers = 0o077

/** A random name of 128 bits, which no other process can guess. */
export const nonce: Effect.Effect<string> = Effect.sync(() => randomBytes(16).toString("hex"))

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

const notRegularFile = (path: string) =>
  failure("Insecure", `${quote(path)} is not a regular file. It was not changed. Move it away, or choose another path.`)

/** A file that was replaced between `open` and `fstat` has no name (`nlink` 0), and is as valid as before. */
const findProblem = (path: string, stats: Stats): TokenStoreError | undefined => {
  const user = effectiveUser()
  if (!stats.isFile()) return notRegularFile(path)
  if (user !== undefined && stats.uid !== user) {
    return failure(
      "OwnerMismatch",
      `${quote(path)} belongs to user ${stats.uid}, not to ${user}. Choose a file of your own.`
    )
  }
  if (stats.nlink > 1) {
    return failure(
      "Insecure",
      `${quote(path)} has a second name (a hard link). Copy the file, and remove all its names.`
    )
  }
  if (user !== undefined && (stats.mode & accessibleByOthers) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, "0")
    return failure("Insecure", `other users may access ${quote(path)} (mode ${mode}). Run: chmod 600 ${quote(path)}`)
  }
  if (stats.size > maxBytes) {
    return failure(
      "Corrupt",
      `${quote(path)} is larger than ${maxBytes} bytes, so it is not a token store. Move the file away.`
    )
  }
  return undefined
}

const readFailure =
  (path: string) =>
  (error: SystemError | TokenStoreError): TokenStoreError =>
    error._tag === "SystemError" ? failure("ReadFailed", `cannot read ${quote(path)}: ${explain(error)}`) : error

const openFailure = (path: string, error: SystemError): TokenStoreError => {
  if (error.code === "ELOOP" || error.code === "EMLINK") {
    return failure("Insecure", `${quote(path)} is a symbolic link. Use the path of the file itself.`)
  }
  return error.code === "ENXIO" ? notRegularFile(path) : readFailure(path)(error)
}

/** Reads at most `limit` bytes, even from a file that grows meanwhile. */
export const readAtMost = (handle: Fs.FileHandle, limit: number): Effect.Effect<Uint8Array, SystemError> =>
  tryFileSystem(async () => {
    const buffer = new Uint8Array(limit)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, limit - length, length)
      length += bytesRead
      if (bytesRead === 0 || length === limit) return buffer.subarray(0, length)
    }
  })

const readHandle = (
  path: string,
  handle: Fs.FileHandle
): Effect.Effect<Option.Option<Uint8Array>, SystemError | TokenStoreError> =>
  Effect.gen(function* () {
    const stats = yield* tryFileSystem(() => handle.stat())
    const problem = findProblem(path, stats)
    return problem === undefined ? Option.some(yield* readAtMost(handle, stats.size)) : yield* problem
  })

/**
 * Reads a file that belongs to this user alone: regular, with one name, without access for other users, of limited
 * size. `None` if there is no file. Checks and reads use one descriptor, so that the checked file is the one that is
 * read.
 */
export const read = (path: string): Effect.Effect<Option.Option<Uint8Array>, TokenStoreError> =>
  Effect.acquireUseRelease(
    Effect.mapError(
      tryFileSystem(() => Fs.open(path, readFlags)),
      (error) => (error.code === "ENOENT" ? error : openFailure(path, error))
    ),
    (handle) => Effect.mapError(readHandle(path, handle), readFailure(path)),
    (handle) => Effect.ignore(tryFileSystem(() => handle.close()))
  ).pipe(Effect.catchTag("SystemError", () => Effect.succeedNone))

/** Creates a file, writes it, and flushes it to disk. */
const writeNew = (path: string, bytes: Uint8Array): Effect.Effect<void, SystemError> =>
  Effect.acquireUseRelease(
    tryFileSystem(() => Fs.open(path, writeFlags, 0o600)),
    (handle) =>
      tryFileSystem(async () => {
        // The umask may have removed permissions of the owner.
        await handle.chmod(0o600)
        await handle.writeFile(bytes)
        await handle.sync()
        // Network file systems report a full disk when the file is closed.
        await handle.close()
      }).pipe(Effect.tapError(() => removeQuietly(path))),
    (handle) => Effect.ignore(tryFileSystem(() => handle.close()))
  )

export const removeQuietly = (path: string): Effect.Effect<void> => Effect.ignore(tryFileSystem(() => Fs.unlink(path)))

/** Renames a damaged file within its folder, flushes the folder, and returns the new path. Must not be interrupted. */
export const moveAside = (path: string): Effect.Effect<string, TokenStoreError> =>
  Effect.gen(function* () {
    const aside = `${path}.${yield* nonce}.corrupt`
    yield* tryFileSystem(() => Fs.rename(path, aside))
    yield* flush(dirname(path))
    return aside
  }).pipe(
    Effect.catchTag("SystemError", (error) =>
      failure("WriteFailed", `cannot move the damaged file ${quote(path)} aside: ${explain(error)}`)
    )
  )

/** Whether a suffix is that of a temporary file that a killed process left: 32 hexadecimal digits and `.tmp`. */
export const isTemporary = (suffix: string): boolean => /^[0-9a-f]{32}\.tmp$/.test(suffix)

/**
 * Replaces a file atomically and flushes it to disk: a reader, or a power cut, finds the old bytes or the new ones. On
 * failure the old file is unchanged. Only if flushing the folder failed, a power cut may leave either one. Must not be
 * interrupted.
 */
export const replace = (path: string, bytes: Uint8Array): Effect.Effect<void, TokenStoreError> =>
  Effect.gen(function* () {
    const temporary = `${path}.${yield* nonce}.tmp`
    yield* writeNew(temporary, bytes)
    yield* Effect.tapError(
      tryFileSystem(() => Fs.rename(temporary, path)),
      () => removeQuietly(temporary)
    )
    yield* flush(dirname(path))
  }).pipe(
    Effect.uninterruptible,
    Effect.catchTag("SystemError", (error) => failure("WriteFailed", `cannot write ${quote(path)}: ${explain(error)}`))
  )
