/**
 * Request bodies that can be sent again. A stream can be read once, so by default it is never replayed.
 *
 * @since 0.1.0
 */
import type { HttpBody } from "@effect/platform/HttpBody"

const declared = new WeakSet<HttpBody>()

const isReplayableRaw = (body: unknown): boolean =>
  typeof body === "string" ||
  body instanceof ArrayBuffer ||
  ArrayBuffer.isView(body) ||
  body instanceof URLSearchParams ||
  body instanceof Blob ||
  body instanceof FormData

/**
 * Marks a stream body as replayable: it yields the same bytes each time it runs, such as a stream that opens its file again.
 *
 * Do not mark a stream over a source that can be read only once.
 *
 * @example
 * import * as RequestBody from "@countersign/client/RequestBody"
 * import * as HttpBody from "@effect/platform/HttpBody"
 * import * as Stream from "effect/Stream"
 *
 * // The stream can be run again, so a retry can send it again.
 * const body = RequestBody.markReplayable(HttpBody.stream(Stream.make(new Uint8Array([1, 2, 3]))))
 *
 * @param body - the body to mark. It is returned unchanged.
 * @since 0.1.0
 * @category constructors
 */
export const markReplayable = <B extends HttpBody>(body: B): B => {
  declared.add(body)
  return body
}

/**
 * Whether a body can be sent again: an empty body, bytes, text and forms can, a stream only if marked with
 * {@link markReplayable}.
 *
 * @since 0.1.0
 * @category refinements
 */
export const isReplayable = (body: HttpBody): boolean => {
  switch (body._tag) {
    case "Empty":
    case "Uint8Array":
    case "FormData":
      return true
    case "Raw":
      return isReplayableRaw(body.body) || declared.has(body)
    case "Stream":
      return declared.has(body)
  }
}
