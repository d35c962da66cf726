/** Reads and writes the file of a recording. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { random } from "../randomSecret.js"
import type { Exchange } from "./recording.js"
import * as Recording from "./recording.js"

/**
 * Why a recording cannot be used.
 *
 * - `NotFound`: the file does not exist.
 * - `InvalidFile`: its content is not a recording, or has another version of the format.
 * - `Unreadable`: the file system does not return it.
 * - `Unwritable`: the file system does not store it.
 *
 * @since 0.1.0
 * @category errors
 */
export type RecordingReason = "NotFound" | "InvalidFile" | "Unreadable" | "Unwritable"

const advice: Record<RecordingReason, string> = {
  NotFound: 'Record it with `mode: "record"`',
  InvalidFile: 'Delete the file, and record it again with `mode: "record"`',
  Unreadable: "Check its permissions",
  Unwritable: "Check its folder and permissions"
}

/**
 * Invalid recording: the file cannot be read, parsed or written.
 *
 * @since 0.1.0
 * @category errors
 */
export class RecordingError
  extends /* @__PURE__ */ Data.TaggedError("RecordingError")<{
    /** Path of the file. */
    readonly file: string
    /** What is wrong. */
    readonly reason: RecordingReason
    readonly message: string
  }>
{
  constructor({ detail, file, reason }: Pick<RecordingError, "file" | "reason"> & { readonly detail: string }) {
    const what = reason === "Unwritable" ? "written" : "read"
    super({ file, reason, message: `The recording "${file}" cannot be ${what}: ${detail}. ${advice[reason]}.` })
  }
}

const detailOf = (error: PlatformError): string => (error._tag === "SystemError" ? error.reason : error._tag)

const isNotFound = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "NotFound"

/** The exchanges of a file. */
export const read = (
  files: FileSystem.FileSystem,
  file: string
): Effect.Effect<ReadonlyArray<Exchange>, RecordingError> =>
  files.readFileString(file).pipe(
    Effect.mapError((error) =>
      isNotFound(error)
        ? new RecordingError({ file, reason: "NotFound", detail: "the file does not exist" })
        : new RecordingError({ file, reason: "Unreadable", detail: detailOf(error) })
    ),
    Effect.flatMap((text) =>
      Either.mapLeft(Recording.parse(text), (detail) => new RecordingError({ file, reason: "InvalidFile", detail }))
    )
  )

/** The exchanges of a file without some that were written before. None for a missing file. */
export const readOthers = (
  files: FileSystem.FileSystem,
  file: string,
  written: ReadonlyArray<Exchange>
): Effect.Effect<ReadonlyArray<Exchange>, RecordingError> => {
  const none: ReadonlyArray<Exchange> = []
  const counts = new Map<string, number>()
  for (const exchange of written) {
    const key = Recording.print([exchange])
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const isOther = (exchange: Exchange): boolean => {
    const key = Recording.print([exchange])
    const count = counts.get(key) ?? 0
    counts.set(key, count - 1)
    return count <= 0
  }
  return read(files, file).pipe(
    Effect.catchIf(
      ({ reason }) => reason === "NotFound",
      () => Effect.succeed(none)
    ),
    // The last equal exchanges are the ones that were added.
    Effect.map((exchanges) => [...exchanges].reverse().filter(isOther).reverse())
  )
}

/** The folder of a path, or undefined for a name without folder. */
const folderOf = (file: string): string | undefined => /^(.*)[\\/][^\\/]*$/.exec(file)?.[1] || undefined

/** Replaces the file in one step, so that a reader finds the old content or the new one. */
export const write = (
  files: FileSystem.FileSystem,
  file: string,
  exchanges: ReadonlyArray<Exchange>
): Effect.Effect<void, RecordingError> =>
  Effect.gen(function* () {
    const folder = folderOf(file)
    if (folder !== undefined) yield* files.makeDirectory(folder, { recursive: true })
    const temporary = `${file}.${random().slice(0, 16)}.tmp`
    yield* files.writeFileString(temporary, Recording.print(exchanges), { flag: "wx" }).pipe(
      Effect.zipRight(files.rename(temporary, file)),
      Effect.onError(() => Effect.ignore(files.remove(temporary, { force: true })))
    )
  }).pipe(
    Effect.mapError((error) => new RecordingError({ file, reason: "Unwritable", detail: detailOf(error) })),
    Effect.uninterruptible
  )
