/**
 * Which request bodies can be sent again. A stream that was read is gone; sending what is left of it would be an
 * empty or a cut body, so nothing here ever does.
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
 * Declares that a stream body yields the same bytes each time it is run, so that it may be sent again: one that
 * opens its file anew, for example. A stream over something that can be read once must not be declared.
 *
 * @since 0.1.0
 * @category constructors
 */
export const markReplayable = <B extends HttpBody>(body: B): B => {
  declared.add(body)
  return body
}

/**
 * Whether a body can be sent again: none, bytes, text and forms can; streams only where declared.
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
