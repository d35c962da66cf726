/** The options of a download. */
import type * as Call from "@countersign/client/Call"
import { InvalidRequest } from "@countersign/client/Errors"
import type * as OptionNames from "@countersign/protocol/OptionNames"
import type { Digest } from "@countersign/protocol/ReprDigest"
import * as Headers from "@effect/platform/Headers"
import * as UrlParams from "@effect/platform/UrlParams"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import { sha256Hex } from "../hash/sha256.js"
import { findProblem } from "../options/optionNames.js"
import { isValid } from "./verify.js"

/** See `Download.Progress`. */
export interface Progress {
  /** Bytes of the file that are stored, those of earlier runs included. */
  readonly bytes: number
  /** Length of the file in bytes. Undefined if the server did not name it. */
  readonly total: number | undefined
  /** Bytes of an earlier run that are used. */
  readonly resumedFrom: number
}

/** See `Download.Options`. */
export interface Options<E = never> extends Omit<Call.OpenOptions<undefined, E>, "method" | "errorSchema"> {
  /** Whether a partial file of an earlier run is continued (true). It is never continued without a strong `ETag`. */
  readonly resume?: boolean | undefined
  /** Called with the bytes that are stored, first when the header of a response has arrived. */
  readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
  /** The digest that the file must have, instead of the one that the server names in `Repr-Digest` or `Content-MD5`. */
  readonly digest?: Digest | undefined
  /** Maximum size of the file in bytes (no maximum). */
  readonly maxBytes?: number | undefined
  /** Permissions of the file (0600). */
  readonly mode?: number | undefined
  /** How long to wait while another process downloads to the same path (15 s). */
  readonly lockTimeout?: Duration.DurationInput | undefined
}

/** The options of `Download.toFile` with the parameters of the URL. */
export interface AnyOptions extends Options<unknown> {
  readonly path?: Readonly<Record<string, Call.PathValue>> | undefined
}

const names: OptionNames.ShapeOf<AnyOptions> = {
  query: true,
  headers: true,
  auth: true,
  // `api.open` checks the members of these.
  timeout: "duration",
  retry: true,
  redirects: true,
  idle: "duration",
  path: true,
  resume: true,
  onProgress: true,
  digest: { algorithm: true, hex: true },
  maxBytes: "size",
  mode: "size",
  lockTimeout: "duration"
}

/** Fields that the download sets itself. */
const ownFields = ["range", "if-range", "accept-encoding"] as const

const detailOf = (path: string, options: AnyOptions): string | undefined => {
  const unknown = findProblem("`Download.toFile`", options, names)
  if (unknown !== undefined) return unknown
  if (typeof path !== "string" || path === "") {
    return "the path of the download is empty. Set the environment variable or the value that it comes from."
  }
  if (path.includes("\0")) return "the path of the download contains a NUL character."
  const { digest, headers, maxBytes = 0, mode = 0 } = options
  const field =
    headers === undefined ? undefined : ownFields.find((name) => Headers.has(Headers.fromInput(headers), name))
  if (field !== undefined) return `\`headers\` has \`${field}\`, which a download sets itself. Remove it.`
  if (digest !== undefined && !isValid(digest)) {
    return '`digest` is no hash in hexadecimal digits. Pass `{ algorithm: "sha256", hex }` with 64 digits.'
  }
  if (!(maxBytes >= 0)) return "`maxBytes` is no number of bytes."
  return Number.isInteger(mode) && mode >= 0 && mode <= 0o777 ? undefined : "`mode` is no permission such as 0o644."
}

/** The error of invalid options. */
export const invalid = (path: string, options: AnyOptions): InvalidRequest | undefined => {
  const detail = detailOf(path, options)
  return detail === undefined ? undefined : new InvalidRequest({ reason: "Options", detail })
}

const queryOf = ({ query }: AnyOptions): string => {
  try {
    return query === undefined ? "" : UrlParams.toString(UrlParams.fromInput(query))
  } catch {
    // The call reports an invalid query.
    return ""
  }
}

/** Identifies a request. It is stored, so it is a hash: a URL may contain secrets. */
export const requestKey = (url: string | URL, options: AnyOptions): string =>
  sha256Hex(JSON.stringify([String(url), options.path, queryOf(options)]))
