/** What a response means for a partial file: a decision without effects. */
import * as ContentRange from "@countersign/protocol/ContentRange"
import type { DownloadReason } from "./downloadError.js"
import type { PartialRecord } from "./partialRecord.js"

/** The parts of a response that decide. */
export interface Head {
  readonly status: number
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/**
 * What to do with the body.
 *
 * - `Whole`: it is the whole file.
 * - `Rest`: it is the file from the position on, up to `end`, which is at most `length`.
 * - `Anew`: it does not belong to what is stored. Request the whole file.
 * - `Rejected`: the response contradicts the request, or itself.
 */
export type Decision =
  | { readonly _tag: "Whole"; readonly length: number | undefined }
  | { readonly _tag: "Rest"; readonly end: number; readonly length: number }
  | { readonly _tag: "Anew" }
  | { readonly _tag: "Rejected"; readonly reason: DownloadReason; readonly detail: string }

const rejected = (reason: DownloadReason, detail: string): Decision => ({ _tag: "Rejected", reason, detail })

const anew = "Pass `resume: false` to download the file from its beginning."

const mismatch = (detail: string): Decision => rejected("RangeMismatch", `${detail}. ${anew}`)

/** Whether a response names a content coding. A transport that decodes a body removes the field. */
export const isEncoded = ({ headers }: Pick<Head, "headers">): boolean => {
  const coding = headers["content-encoding"]?.trim().toLowerCase() ?? ""
  return coding !== "" && coding !== "identity"
}

/** The length of an encoded body is not that of the file. */
const lengthOf = (head: Head): number | undefined => {
  const length = head.headers["content-length"]
  return isEncoded(head) || length === undefined || !/^\d{1,15}$/.test(length) ? undefined : Number(length)
}

/** A part of another file. Servers that ignore `If-Range` send it. */
const isOther = ({ headers, url }: Head, record: PartialRecord): boolean =>
  url !== record.url || (headers["etag"] !== undefined && headers["etag"] !== record.etag)

const decidePart = (head: Head, position: number, record: PartialRecord | undefined): Decision => {
  if (position === 0 || record === undefined)
    return mismatch("the server sent a part (206), and no range was requested")
  // A part of encoded bytes cannot be decoded, and has other positions.
  if (isEncoded(head) || isOther(head, record)) return { _tag: "Anew" }
  const field = head.headers["content-range"]
  const range = ContentRange.parse(field ?? "")
  if (range === undefined) return mismatch("the `Content-Range` of the 206 is missing or invalid")
  const { first, last, length = record.length } = range
  if (first !== position) return mismatch(`the server sent the bytes from ${first}, not from ${position}`)
  if (length === undefined) return mismatch("the 206 names no length of the file")
  if (last >= length || (record.length !== undefined && record.length !== length)) {
    const detail = `the server named the length ${length}, and before ${record.length}, with the same \`ETag\`. ${anew}`
    return rejected("LengthMismatch", detail)
  }
  const body = lengthOf(head)
  return body === undefined || body === last + 1 - first
    ? { _tag: "Rest", end: last + 1, length }
    : rejected("LengthMismatch", `the \`Content-Length\` of the 206 contradicts its \`Content-Range\`. ${anew}`)
}

/**
 * Decides on a response.
 *
 * | response | decision |
 * |---|---|
 * | 200, 203 | `Whole` |
 * | 206 with the bytes from the position on | `Rest` |
 * | 206 with a content coding, another `ETag` or another URL | `Anew` |
 * | 206 without a requested range, from another position, or with contradictions | `Rejected` |
 * | another status | `Rejected` |
 *
 * @param position - the first byte that was requested, or 0 for the whole file.
 */
export const decide = (head: Head, position: number, record: PartialRecord | undefined): Decision => {
  if (head.status === 206) return decidePart(head, position, record)
  if (head.status === 200 || head.status === 203) return { _tag: "Whole", length: lengthOf(head) }
  return rejected("UnexpectedStatus", `the server answered ${head.status}, which is no file. Check the URL.`)
}
