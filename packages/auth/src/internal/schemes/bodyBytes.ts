/** The bytes of bodies that a scheme hashes. */
import type { HttpBody } from "@effect/platform/HttpBody"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Transport from "@countersign/client/Transport"

const encoder = new TextEncoder()

/** The bytes that are sent. Undefined for a stream or a form, which has no bytes yet. */
export const bytesOf = (body: HttpBody): Uint8Array | undefined => {
  if (body._tag === "Empty") return new Uint8Array(0)
  if (body._tag === "Uint8Array") return body.body
  return body._tag === "Raw" && typeof body.body === "string" ? encoder.encode(body.body) : undefined
}

/** The bytes of a body that was received with its response. Undefined for a body that is still arriving. */
export const receivedBytesOf = (response: HttpClientResponse): Uint8Array | undefined => {
  const bytes: unknown = Transport.bufferedBody in response ? response[Transport.bufferedBody] : undefined
  return bytes instanceof Uint8Array ? bytes : undefined
}
