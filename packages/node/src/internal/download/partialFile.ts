/** The partial file of a download and its record: `<path>.part` and `<path>.part.json`, which only their owner can access. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Stats } from "node:fs"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { dirname } from "node:path"
import { effectiveUser, flush } from "../filesystem/secureDirectory.js"
import * as SecureFile from "../filesystem/secureFile.js"
import { SystemError, tryFileSystem } from "../filesystem/systemError.js"
import type { DownloadError } from "./downloadError.js"
import { fileSystemError } from "./downloadError.js"
import type { PartialRecord } from "./partialRecord.js"
import { decode, encode } from "./partialRecord.js"

/** The files of one download. */
export interface Paths {
  readonly path: string
  readonly part: string
  readonly record: string
}

export const pathsOf = (path: string): Paths => ({ path, part: `${path}.part`, record: `${path}.part.json` })

type Task<A> = Effect.Effect<A, DownloadError>

/** Checks that a file can be created in the folder, and that no folder has its name, before a request is sent. */
export const check = ({ path }: Paths): Task<void> =>
  Effect.gen(function* () {
    const folder = dirname(path)
    yield* Effect.mapError(
      tryFileSystem(() => Fs.access(folder, constants.W_OK | constants.X_OK)),
      fileSystemError(path, "write to the folder", folder)
    )
    const stats = yield* Effect.option(tryFileSystem(() => Fs.stat(path)))
    if (Option.exists(stats, (found) => found.isDirectory())) {
      return yield* Effect.fail(fileSystemError(path, "write", path)(new SystemError({ code: "EISDIR" })))
    }
  })

const writableByOthers = 0o022

/** Another user, or another name of the file, could change what was downloaded. */
const isOwn = (stats: Stats): boolean => {
  const user = effectiveUser()
  return (
    stats.isFile() &&
    stats.nlink === 1 &&
    (user === undefined || (stats.uid === user && (stats.mode & writableByOthers) === 0))
  )
}

const shared = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

const openOwn = async (part: string): Promise<Fs.FileHandle | undefined> => {
  const handle = await Fs.open(part, shared | constants.O_NONBLOCK, 0o600)
  const stats = await handle.stat().catch(() => undefined)
  if (stats !== undefined && isOwn(stats)) return handle
  await handle.close()
  return undefined
}

/** Opens the partial file. One that another user could have written is removed, and a new one created. */
const openPart = (part: string): Effect.Effect<Fs.FileHandle, SystemError> =>
  Effect.gen(function* () {
    const existing = yield* Effect.catchTag(
      tryFileSystem(() => openOwn(part)),
      "SystemError",
      (error) => (["ELOOP", "EMLINK", "ENXIO", "EACCES"].includes(error.code) ? Effect.succeed(undefined) : error)
    )
    if (existing !== undefined) return existing
    yield* tryFileSystem(() => Fs.rm(part, { force: true }))
    return yield* tryFileSystem(() => Fs.open(part, shared | constants.O_EXCL, 0o600))
  })

const readRecord = ({ record }: Paths): Effect.Effect<PartialRecord | undefined> =>
  SecureFile.read(record).pipe(
    Effect.map(Option.map((bytes) => decode(Buffer.from(bytes).toString("utf8")))),
    // A record that cannot be read, or that another user could have written, is not used.
    Effect.orElseSucceed(() => Option.none<PartialRecord | undefined>()),
    Effect.map(Option.getOrUndefined)
  )

/** The bytes of the chunks after a number of bytes. */
const bytesAfter = (chunks: ReadonlyArray<Uint8Array>, count: number): ReadonlyArray<Uint8Array> => {
  let skipped = 0
  return chunks.flatMap((chunk) => {
    const start = Math.min(chunk.length, Math.max(0, count - skipped))
    skipped += chunk.length
    return start === chunk.length ? [] : [chunk.subarray(start)]
  })
}

/**
 * Writes all bytes. A write may store a part of them only. The chunks are not joined before, because the copies are garbage that
 * takes more time than the writes.
 */
const writeAll = async (handle: Fs.FileHandle, chunks: ReadonlyArray<Uint8Array>, position: number): Promise<void> => {
  let left = chunks
  for (let at = position; left.length > 0;) {
    const { bytesWritten } = await handle.writev([...left], at)
    at += bytesWritten
    left = bytesAfter(left, bytesWritten)
  }
}

/** A partial file that this process holds the lock of. */
export class PartialFile {
  readonly paths: Paths
  readonly handle: Fs.FileHandle
  /** What the stored bytes belong to. Undefined if they cannot be continued. */
  record: PartialRecord | undefined
  /** Number of bytes that are stored. */
  position = 0

  constructor(paths: Paths, handle: Fs.FileHandle) {
    this.paths = paths
    this.handle = handle
  }

  #try<A>(what: string, run: () => Promise<A>): Task<A> {
    const { part, path } = this.paths
    return Effect.uninterruptible(Effect.mapError(tryFileSystem(run), fileSystemError(path, what, part)))
  }

  /** Writes chunks at the position. */
  write(chunks: ReadonlyArray<Uint8Array>, length: number): Task<void> {
    const { position } = this
    const written = this.#try("write", () => writeAll(this.handle, chunks, position))
    return Effect.map(written, () => void (this.position = position + length))
  }

  /**
   * Forgets what is stored, and stores the record of the next bytes. The old record is removed before the bytes, and the new one
   * is written after them: no record describes other bytes.
   */
  begin(record: PartialRecord | undefined): Task<void> {
    const { paths } = this
    const temporary = `${paths.record}.tmp`
    this.record = undefined
    this.position = 0
    return this.#try("begin", async () => {
      await Fs.rm(paths.record, { force: true })
      await this.handle.truncate(0)
      if (record === undefined) return
      await Fs.rm(temporary, { force: true })
      await Fs.writeFile(temporary, encode(record), { mode: 0o600, flag: "wx" })
      await Fs.rename(temporary, paths.record)
    }).pipe(Effect.map(() => void (this.record = record)))
  }

  /** Removes the partial file and its record. */
  get remove(): Effect.Effect<void> {
    const { part, record } = this.paths
    this.record = undefined
    this.position = 0
    return Effect.zipRight(SecureFile.removeQuietly(record), SecureFile.removeQuietly(part))
  }

  /** Flushes the bytes to disk, and gives them the name of the file: other processes see the whole file or none. */
  complete(mode: number | undefined): Task<void> {
    const { part, path, record } = this.paths
    const folder = dirname(path)
    const stored = this.#try("write", async () => {
      await this.handle.truncate(this.position)
      if (mode !== undefined) await this.handle.chmod(mode)
      await this.handle.sync()
      // Network file systems report a full disk when the file is closed.
      await this.handle.close()
      await Fs.rename(part, path)
    })
    const flushed = Effect.mapError(flush(folder), fileSystemError(path, "flush the folder", folder))
    return Effect.uninterruptible(Effect.zipRight(stored, Effect.zipRight(SecureFile.removeQuietly(record), flushed)))
  }
}

/** Reads what an earlier run stored: its record if it is of the same request, and the number of bytes. */
const restore = (file: PartialFile, request: string): Task<void> =>
  Effect.gen(function* () {
    const record = yield* readRecord(file.paths)
    const { size } = yield* Effect.mapError(
      tryFileSystem(() => file.handle.stat()),
      fileSystemError(file.paths.path, "read", file.paths.part)
    )
    const isLonger = record?.length !== undefined && size > record.length
    if (record === undefined || record.request !== request || size === 0 || isLonger)
      return yield* file.begin(undefined)
    file.record = record
    // The last byte of a complete file is requested again: the server then confirms the version.
    file.position = size === record.length ? size - 1 : size
  })

/**
 * Opens the partial file until the scope closes. Bytes that a later run cannot continue are then removed.
 *
 * @param request - the hash of the request.
 * @param resume - whether bytes of an earlier run are used.
 */
export const open = (
  paths: Paths,
  request: string,
  resume: boolean
): Effect.Effect<PartialFile, DownloadError, Scope.Scope> =>
  Effect.gen(function* () {
    const file = yield* Effect.acquireRelease(
      Effect.map(
        Effect.mapError(openPart(paths.part), fileSystemError(paths.path, "open", paths.part)),
        (handle) => new PartialFile(paths, handle)
      ),
      (opened) =>
        Effect.zipRight(
          Effect.ignore(tryFileSystem(() => opened.handle.close())),
          Effect.suspend(() => (opened.record === undefined || opened.position === 0 ? opened.remove : Effect.void))
        )
    )
    yield* resume ? restore(file, request) : file.begin(undefined)
    return file
  })
