/**
 * Request bodies from files: of known length, and read again for each send.
 *
 * @since 0.1.0
 */
import { InvalidRequest } from "@countersign/client/Errors"
import * as RequestBody from "@countersign/client/RequestBody"
import * as HttpBody from "@effect/platform/HttpBody"
import * as Effect from "effect/Effect"
import { resolve } from "node:path"
import * as OptionNames from "./internal/options/optionNames.js"
import type * as FileBodyErrors from "./internal/upload/fileBodyError.js"
import type { FileBodyError } from "./internal/upload/fileBodyError.js"
import type * as FileStreams from "./internal/upload/fileStream.js"
import { fileStream, inspect } from "./internal/upload/fileStream.js"

/**
 * Why a file cannot be sent.
 *
 * - `Changed`: its size or its time of modification is not that of the time when the body was made.
 * - `FileSystem`: it is missing, it is no regular file, or it cannot be read. `code` has the code of the system.
 *
 * @since 0.1.0
 * @category models
 */
export type FileBodyReason = FileBodyErrors.FileBodyReason

export { FileBodyError } from "./internal/upload/fileBodyError.js"

/**
 * How far an upload is. The bytes were given to the transport, and the server may not have received them yet.
 *
 * @since 0.1.0
 * @category models
 */
export type Progress = FileStreams.Progress

/**
 * Options of a file body: its content type, and its progress.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The `content-type` of the request (`application/octet-stream`). */
  readonly contentType?: string | undefined
  /** Called with the bytes of each send. */
  readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
}

const names: OptionNames.ShapeOf<Options> = { contentType: true, onProgress: true }

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { contentType: "application/octet-stream" } as const

/**
 * Makes the body of a request from a file, for the option `body` of a call.
 *
 * `content-length` is sent, so the request is not chunked. The file is opened again for each send: a retry, a redirect with its
 * body, and a replay after a 401. Memory holds a few blocks of 1 MiB.
 *
 * Fails with {@link FileBodyError} if the file cannot be read now, and with `InvalidRequest` for an unknown option. If the file
 * changes later, the request fails with a `TransportError` of the reason `RequestBodyFailed` before its last byte was sent, so
 * no server stores a mixture of two versions.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as FileBody from "@countersign/node/FileBody"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none })
 *   const body = yield* FileBody.make("report.pdf", { contentType: "application/pdf" })
 *   return yield* api.put("/reports/42", { body })
 * })
 *
 * @param path - path of a regular file.
 * @param options - content type and progress.
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  path: string,
  options: Options = {}
): Effect.Effect<HttpBody.HttpBody, FileBodyError | InvalidRequest> =>
  Effect.gen(function* () {
    yield* OptionNames.check("`FileBody.make`", options, names)
    if (typeof path !== "string" || path === "" || path.includes("\0")) {
      const detail = "the path of the file body is empty, or contains a NUL character. Pass the path of a file."
      return yield* new InvalidRequest({ reason: "Options", detail })
    }
    const { contentType = defaults.contentType, onProgress } = options
    const file = resolve(path)
    const version = yield* inspect(file)
    if (version.size === 0) return HttpBody.uint8Array(new Uint8Array(), contentType)
    const stream = fileStream(file, version, onProgress)
    return RequestBody.markReplayable(HttpBody.stream(stream, contentType, version.size))
  })
