/**
 * Downloads: the body of a response in a file, which is continued after a failure, verified, and whole or absent.
 *
 * @since 0.1.0
 */
import type { TokenStoreError } from "@countersign/auth/Errors"
import type { ApiClient } from "@countersign/client/ApiClient"
import type * as Call from "@countersign/client/Call"
import * as Continuation from "@countersign/client/Continuation"
import type { InvalidRequest, TransportError } from "@countersign/client/Errors"
import type * as ReprDigest from "@countersign/protocol/ReprDigest"
import * as Effect from "effect/Effect"
import { resolve } from "node:path"
import type * as DownloadErrors from "./internal/download/downloadError.js"
import { DownloadError } from "./internal/download/downloadError.js"
import type * as DownloadOptions from "./internal/download/options.js"
import { invalid, requestKey } from "./internal/download/options.js"
import * as PartialFile from "./internal/download/partialFile.js"
import type * as Transfers from "./internal/download/transfer.js"
import { Transfer } from "./internal/download/transfer.js"
import * as ProcessLock from "./ProcessLock.js"

/**
 * Why a download failed.
 *
 * - `RangeMismatch`: the server sent a part that was not requested, or from another position.
 * - `LengthMismatch`: the server sent more or fewer bytes than it named, or named two lengths.
 * - `DigestMismatch`: the file has another digest than expected. The partial file was removed.
 * - `TooLarge`: the file is larger than `maxBytes`. The partial file was removed.
 * - `UnexpectedStatus`: a successful status without a file, such as 202 or 204, or a redirect that is not followed.
 * - `Locked`: another process downloads to the same path.
 * - `FileSystem`: the operating system reported an error. `code` has it, such as `ENOSPC`, `EACCES`, `EROFS` or `EISDIR`.
 *
 * @since 0.1.0
 * @category models
 */
export type DownloadReason = DownloadErrors.DownloadReason

export { DownloadError } from "./internal/download/downloadError.js"

/**
 * How far a download is.
 *
 * @since 0.1.0
 * @category models
 */
export type Progress = DownloadOptions.Progress

/**
 * The digest of a file: the hash function, and the hash in hexadecimal digits.
 *
 * @since 0.1.0
 * @category models
 */
export type Digest = ReprDigest.Digest

/**
 * Options of a download. `timeout.call` bounds the time to the header of each response, and `idle` its silence. Nothing bounds
 * the whole download: use `Effect.timeout`.
 *
 * @since 0.1.0
 * @category models
 */
export type Options<E = never> = DownloadOptions.Options<E>

/**
 * A finished download.
 *
 * @since 0.1.0
 * @category models
 */
export type Result = Transfers.Result

type Outcome<E> = Effect.Effect<Result, E | InvalidRequest | TransportError | DownloadError>

/** The lock names the code of the system in parentheses. */
const codeIn = (detail: string): string | undefined => /\(([A-Z0-9]+)\)/.exec(detail)?.[1]

const lockError =
  (path: string) =>
  ({ detail, reason }: TokenStoreError): DownloadError =>
    reason === "LockTimeout"
      ? new DownloadError({ reason: "Locked", path, detail })
      : new DownloadError({ reason: "FileSystem", path, detail, code: codeIn(detail) })

/** Runs a download while no other process writes its partial file. The errors of the download are not those of the lock. */
const alone = <A, E>(
  path: string,
  { lockTimeout }: Options<unknown>,
  download: Effect.Effect<A, E>
): Effect.Effect<A, E | DownloadError> =>
  Effect.gen(function* () {
    const { path: file, part } = PartialFile.pathsOf(path)
    const locks = yield* ProcessLock.fromContext({ lockTimeout })
    const outcome = yield* Effect.mapError(locks.withLock(`${part}.lock`)(Effect.either(download)), lockError(file))
    return yield* outcome
  })

const run = <E>(api: ApiClient<E>, url: string | URL, file: string, options: DownloadOptions.AnyOptions): Outcome<E> =>
  Effect.suspend((): Outcome<E> => {
    const problem = invalid(file, options)
    if (problem !== undefined) return Effect.fail(problem)
    const paths = PartialFile.pathsOf(resolve(file))
    const job = { api, url, options, request: requestKey(url, options) }
    const download = Effect.gen(function* () {
      const part = yield* PartialFile.open(paths, job.request, options.resume !== false)
      const more = yield* Continuation.make(api, { retry: options.retry })
      return yield* new Transfer(job, part, more).run
    })
    return Effect.zipRight(PartialFile.check(paths), alone(paths.path, options, Effect.scoped(download)))
  })

/**
 * Downloads a file.
 *
 * The bytes are written to `<path>.part` (mode 0600), with the strong `ETag` and the length in `<path>.part.json`. The file gets
 * its name when it is whole, verified and flushed to disk. Other processes see the whole file or none.
 *
 * - **Failures**: a body that breaks off is continued at its position with `Range` and `If-Range`. The retry schedule and the
 *   retry budget of the client apply. Failures in a row count: a request that made progress begins the schedule anew.
 * - **Later runs**: after an interruption, a crash or a full disk, the next run continues the partial file.
 * - **Changed files**: a file with another `ETag` is downloaded from its beginning, and so is one with a weak `ETag`, or without
 *   one. Two versions are never mixed.
 * - **Digest**: that of the options, or of `Repr-Digest` ([RFC 9530](https://www.rfc-editor.org/rfc/rfc9530)) or `Content-MD5`, is
 *   verified before the file gets its name.
 *   Without a length, a body may have been decoded. If the digest does not match then, a HEAD names the digest of the file.
 * - **Processes**: the lock `<path>.part.lock` excludes other processes of this host. It is one of `ProcessLock` in the context,
 *   or else a lock file.
 *
 * Fails as `api.open`, with `TransportError` for a body that broke off too often, and with {@link DownloadError}.
 *
 * Specification: [RFC 9110 §13.1.5](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5) and
 * [§14](https://www.rfc-editor.org/rfc/rfc9110#section-14).
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Download from "@countersign/node/Download"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none })
 *   return yield* Download.toFile(api, "/exports/{id}", "export.zip", { path: { id: 42 }, maxBytes: 10 * 1024 ** 3 })
 * })
 *
 * @param api - the client.
 * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
 * @param path - path of the file. Its folder must exist. A file of that name is replaced.
 * @param options - see {@link Options} and `Call.PathOptions`.
 * @since 0.1.0
 * @category downloads
 */
export function toFile<E, const Url extends string, E1 = never>(
  api: ApiClient<E>,
  url: Url | URL,
  path: string,
  options: Options<E1> & Call.PathOptions<Url>
): Effect.Effect<Result, E | E1 | InvalidRequest | TransportError | DownloadError>
export function toFile<E, const Url extends string>(
  api: ApiClient<E>,
  url: Call.CompleteUrl<Url> | URL,
  path: string
): Effect.Effect<Result, E | InvalidRequest | TransportError | DownloadError>
export function toFile<E>(
  api: ApiClient<E>,
  url: string | URL,
  path: string,
  options: DownloadOptions.AnyOptions = {}
): Outcome<E> {
  return run(api, url, path, options)
}
