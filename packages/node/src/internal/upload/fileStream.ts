/** The bytes of a file as a stream that opens it anew each time, and fails if the file is not the same any more. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Stats } from "node:fs"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { SystemError, tryFileSystem } from "../filesystem/systemError.js"
import { FileBodyError, fileSystemError } from "./fileBodyError.js"

/** See `FileBody.Progress`. */
export interface Progress {
  /** Bytes of this send that were given to the transport. */
  readonly bytes: number
  /** Length of the file in bytes. */
  readonly total: number
  /** Number of the send, from 1: a retry, a redirect and a replay after a 401 send the file again. */
  readonly send: number
}

/** What identifies the content of a file without reading it. */
export interface Version {
  readonly size: number
  readonly modified: number
}

const versionOf = ({ mtimeMs, size }: Stats): Version => ({ size, modified: mtimeMs })

/** Bytes that are read at once. Each block is garbage afterwards, and smaller ones make V8 collect it more often. */
const blockSize = 1024 * 1024

/** Opening must not block on a FIFO. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK

const open = (path: string): Effect.Effect<Fs.FileHandle, FileBodyError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.mapError(
      tryFileSystem(() => Fs.open(path, flags)),
      fileSystemError(path)
    ),
    (handle) => Effect.ignore(tryFileSystem(() => handle.close()))
  )

const statsOf = (path: string, handle: Fs.FileHandle): Effect.Effect<Stats, FileBodyError> =>
  Effect.mapError(
    tryFileSystem(() => handle.stat()),
    fileSystemError(path)
  )

/** The version of a regular file. Others have no length that is known. */
export const inspect = (path: string): Effect.Effect<Version, FileBodyError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const stats = yield* statsOf(path, yield* open(path))
      if (stats.isFile()) return versionOf(stats)
      if (stats.isDirectory()) return yield* Effect.fail(fileSystemError(path)(new SystemError({ code: "EISDIR" })))
      const detail = "it is not a regular file, so its length is unknown. Send a stream with the option `body`."
      return yield* new FileBodyError({ reason: "FileSystem", path, detail })
    })
  )

const changed = (path: string, expected: Version, actual: Version): FileBodyError =>
  new FileBodyError({
    reason: "Changed",
    path,
    detail:
      (actual.size === expected.size
        ? "it was modified after the body was made"
        : `it has ${actual.size} bytes, and had ${expected.size} when the body was made`) + ". Make a new body."
  })

const isSame = (one: Version, other: Version): boolean => one.size === other.size && one.modified === other.modified

/** Reads a file that must have this version. Its last block is given only if the file is still the same. */
class Reader {
  readonly #path: string
  readonly #handle: Fs.FileHandle
  readonly #expected: Version
  position = 0

  constructor(path: string, handle: Fs.FileHandle, expected: Version) {
    this.#path = path
    this.#handle = handle
    this.#expected = expected
  }

  readonly check: Effect.Effect<void, FileBodyError> = Effect.suspend(() =>
    Effect.flatMap(statsOf(this.#path, this.#handle), (stats) => {
      const actual = versionOf(stats)
      return isSame(actual, this.#expected) ? Effect.void : Effect.fail(changed(this.#path, this.#expected, actual))
    })
  )

  /** The next block. `None` at the end. */
  readonly next: Effect.Effect<Uint8Array, Option.Option<FileBodyError>> = Effect.suspend(() => {
    const { position } = this
    const left = this.#expected.size - position
    if (left === 0) return Effect.fail(Option.none())
    const block = Buffer.allocUnsafeSlow(Math.min(blockSize, left))
    return tryFileSystem(() => this.#handle.read(block, 0, block.length, position)).pipe(
      Effect.mapError(fileSystemError(this.#path)),
      Effect.flatMap(({ bytesRead }) => {
        this.position += bytesRead
        const bytes = block.subarray(0, bytesRead)
        // A file that ends early is not the same any more.
        return bytesRead > 0 && this.position < this.#expected.size
          ? Effect.succeed(bytes)
          : Effect.as(this.check, bytes)
      }),
      Effect.filterOrFail(
        (bytes) => bytes.length > 0,
        () => changed(this.#path, this.#expected, { size: position, modified: 0 })
      ),
      Effect.mapError(Option.some)
    )
  })
}

/** The bytes of a file with this version. */
export const fileStream = (
  path: string,
  version: Version,
  onProgress: ((progress: Progress) => Effect.Effect<void>) | undefined
): Stream.Stream<Uint8Array, FileBodyError> => {
  let sends = 0
  return Stream.unwrapScoped(
    Effect.gen(function* () {
      const send = ++sends
      const reader = new Reader(path, yield* open(path), version)
      yield* reader.check
      const bytes = Stream.repeatEffectOption(reader.next)
      if (onProgress === undefined) return bytes
      return Stream.tap(bytes, () => onProgress({ bytes: reader.position, total: version.size, send }))
    })
  )
}
