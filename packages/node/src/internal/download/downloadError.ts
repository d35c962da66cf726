/** The error of a download that is not one of a request. */
import * as Data from "effect/Data"
import type { SystemError } from "../filesystem/systemError.js"
import { explain, quote } from "../filesystem/systemError.js"

/** See `Download.DownloadReason`. */
export type DownloadReason =
  "RangeMismatch" | "LengthMismatch" | "DigestMismatch" | "TooLarge" | "UnexpectedStatus" | "Locked" | "FileSystem"

/**
 * Download failure: the server sent something else than the rest of the file, or the file cannot be written.
 *
 * @since 0.1.0
 * @category errors
 */
export class DownloadError
  extends /* @__PURE__ */ Data.TaggedError("DownloadError")<{
    /** What failed. */
    readonly reason: DownloadReason
    /** The path of the file, which was not changed. */
    readonly path: string
    /** What the server or the system did, and what to do. */
    readonly detail: string
    /** Code of the system for the reason `FileSystem`, such as `ENOSPC`. */
    readonly code?: string | undefined
    readonly message: string
  }>
{
  constructor(fields: Pick<DownloadError, "reason" | "path" | "detail" | "code">) {
    super({ ...fields, message: `The download to ${quote(fields.path)} failed: ${fields.detail}` })
  }
}

/** An error of the operating system. `what` was done with `file`. */
export const fileSystemError =
  (path: string, what: string, file: string) =>
  (error: SystemError): DownloadError =>
    new DownloadError({
      reason: "FileSystem",
      path,
      code: error.code,
      detail: `cannot ${what} ${quote(file)}: ${explain(error)}`
    })
