/** The error of a file that is sent as a request body. */
import * as Data from "effect/Data"
import type { SystemError } from "../filesystem/systemError.js"
import { explain, quote } from "../filesystem/systemError.js"

/** See `FileBody.FileBodyReason`. */
export type FileBodyReason = "Changed" | "FileSystem"

/**
 * Failure of a file as a request body: it cannot be read, or it changed after the body was made.
 *
 * A file that fails while it is sent fails the request with a `TransportError` of the reason `RequestBodyFailed`. Its `detail` is
 * the message of this error, and its `cause` is this error, redacted.
 *
 * @since 0.1.0
 * @category errors
 */
export class FileBodyError
  extends /* @__PURE__ */ Data.TaggedError("FileBodyError")<{
    /** What failed. */
    readonly reason: FileBodyReason
    /** The path of the file. */
    readonly path: string
    /** What happened, and what to do. */
    readonly detail: string
    /** Code of the system for the reason `FileSystem`, such as `ENOENT` or `EACCES`. */
    readonly code?: string | undefined
    readonly message: string
  }>
{
  constructor(fields: Pick<FileBodyError, "reason" | "path" | "detail" | "code">) {
    super({ ...fields, message: `The file ${quote(fields.path)} cannot be sent: ${fields.detail}` })
  }
}

/** An error of the operating system. */
export const fileSystemError =
  (path: string) =>
  (error: SystemError): FileBodyError =>
    new FileBodyError({ reason: "FileSystem", path, code: error.code, detail: explain(error) })
