/** The response to a request for a file: whole, a range, or an error. */
import { createHash } from "node:crypto"

/** See `FileServer.File`. */
export interface File {
  /** The bytes, or a text in UTF-8. */
  readonly content: Uint8Array | string
  /** The `ETag` (a strong one, of the content). `false` for none. `W/"1"` is a weak one. */
  readonly etag?: string | false | undefined
  /** Whether the server answers `Range` (true). Otherwise each response is whole. */
  readonly ranges?: boolean | undefined
  /** Further header fields of each response, such as `repr-digest`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** See `FileServer.Fault`. */
export interface Fault {
  /** Another status, such as 503, without the file. 200 and 206 only replace the status of the response. */
  readonly status?: number | undefined
  /** Header fields that replace those of the response. `undefined` removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  /** Another body, such as compressed bytes. */
  readonly body?: Uint8Array | undefined
  /** Closes the connection after this number of bytes of the body. Over HTTP/2 it resets the stream. */
  readonly cutAfter?: number | undefined
  /** Sends this number of bytes of the body, and then nothing more. */
  readonly stopAfter?: number | undefined
}

/** What is sent. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

type RequestHeaders = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

const bytesOf = ({ content }: File): Uint8Array => (typeof content === "string" ? Buffer.from(content) : content)

const digests = new WeakMap<File, string>()

/** The `ETag` of a file. Empty for none. */
const etagOf = (file: File): string => {
  if (file.etag === false) return ""
  if (file.etag !== undefined) return file.etag
  const known = digests.get(file) ?? `"${createHash("sha256").update(bytesOf(file)).digest("hex").slice(0, 16)}"`
  digests.set(file, known)
  return known
}

const rangePattern = /^bytes=(\d{0,15})-(\d{0,15})$/

/** First and last position of a range. `whole` for none, `outside` for one without a byte. */
const rangeOf = (
  file: File,
  headers: RequestHeaders,
  length: number
): readonly [number, number] | "whole" | "outside" => {
  const [, first = "", last = ""] = rangePattern.exec(String(headers["range"])) ?? []
  const condition = headers["if-range"]
  const isCurrent = condition === undefined || (condition === etagOf(file) && !condition.startsWith("W/"))
  if (file.ranges === false || !isCurrent || (first === "" && last === "")) return "whole"
  // A range with the last position before the first is invalid, and ignored (RFC 9110 §14.1.1).
  if (first !== "" && last !== "" && Number(last) < Number(first)) return "whole"
  if (first === "" ? Number(last) === 0 || length === 0 : Number(first) >= length) return "outside"
  if (first === "") return [Math.max(0, length - Number(last)), length - 1]
  return [Number(first), last === "" ? length - 1 : Math.min(Number(last), length - 1)]
}

const withoutFaults = (file: File, request: RequestHeaders): Answer => {
  const bytes = bytesOf(file)
  const range = rangeOf(file, request, bytes.length)
  const etag = etagOf(file)
  const shared = {
    "content-type": "application/octet-stream",
    ...(file.ranges !== false && { "accept-ranges": "bytes" }),
    ...(etag !== "" && { etag }),
    ...file.headers
  }
  if (range === "outside") {
    const headers = { ...shared, "content-range": `bytes */${bytes.length}`, "content-length": "0" }
    return { status: 416, headers, body: new Uint8Array() }
  }
  if (range === "whole") {
    return { status: 200, headers: { ...shared, "content-length": String(bytes.length) }, body: bytes }
  }
  const [first, last] = range
  const body = bytes.subarray(first, last + 1)
  const field = `bytes ${first}-${last}/${bytes.length}`
  return { status: 206, headers: { ...shared, "content-range": field, "content-length": String(body.length) }, body }
}

const missing: Answer = { status: 404, headers: { "content-length": "0" }, body: new Uint8Array() }

const hasFile = (status: number | undefined): boolean => status === undefined || status === 200 || status === 206

/** The response to a request, changed by a fault. */
export const answerOf = (file: File | undefined, request: RequestHeaders, fault: Fault = {}): Answer => {
  const right = file === undefined ? missing : withoutFaults(file, request)
  const base = hasFile(fault.status) ? right : { ...missing, status: fault.status ?? right.status }
  const body = fault.body ?? base.body
  const headers: Record<string, string> = { ...base.headers, "content-length": String(body.length) }
  for (const [name, value] of Object.entries(fault.headers ?? {})) {
    if (value === undefined) delete headers[name]
    else headers[name] = value
  }
  return { status: fault.status ?? base.status, headers, body }
}
