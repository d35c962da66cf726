/** The bytes of a body that a scheme hashes. */
import type { HttpBody } from "@effect/platform/HttpBody"

const encoder = new TextEncoder()

/** The bytes that are sent. Undefined for a stream or a form, which has no bytes yet. */
export const bytesOf = (body: HttpBody): Uint8Array | undefined => {
  if (body._tag === "Empty") return new Uint8Array(0)
  if (body._tag === "Uint8Array") return body.body
  return body._tag === "Raw" && typeof body.body === "string" ? encoder.encode(body.body) : undefined
}
