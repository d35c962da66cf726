/** What is known of a partial file: stored beside it, so that a later run can continue it. */
import type { Digest } from "@countersign/protocol/ReprDigest"

/** The representation that a partial file is the beginning of. */
export interface PartialRecord {
  /** Hash of the URL and its parameters, as the caller gave them. */
  readonly request: string
  /** URL that responded, after redirects, without query values. */
  readonly url: string
  /** The strong `ETag`. */
  readonly etag: string
  /** Length of the whole file in bytes. Undefined if the server did not name it. */
  readonly length?: number | undefined
  /** The digest that the server named. */
  readonly digest?: Digest | undefined
}

const version = 1

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const algorithms: ReadonlySet<unknown> = new Set<Digest["algorithm"]>(["sha256", "sha512", "md5"])

const isDigest = (value: unknown): value is Digest =>
  isObject(value) && algorithms.has(value["algorithm"]) && typeof value["hex"] === "string"

const isLength = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

export const encode = (record: PartialRecord): string => JSON.stringify({ version, ...record })

/** Decodes a record. Undefined for one of another version, or a damaged one: the file is then downloaded from its beginning. */
export const decode = (text: string): PartialRecord | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value) || value["version"] !== version) return undefined
    const { digest, etag, length, request, url } = value
    if (typeof etag !== "string" || typeof request !== "string" || typeof url !== "string") return undefined
    if (!isStrong(etag) || (length !== undefined && !isLength(length))) return undefined
    return { request, url, etag, length, digest: isDigest(digest) ? digest : undefined }
  } catch {
    return undefined
  }
}

/** Whether an `ETag` is strong: equal only for equal bytes (RFC 9110 §8.8.1). */
export const isStrong = (etag: string | undefined): etag is string =>
  etag !== undefined && /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag)
