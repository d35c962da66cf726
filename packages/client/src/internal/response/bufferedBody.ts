import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"

/** See `Transport.bufferedBody`. */
export const bufferedBody: unique symbol = Symbol.for("@countersign/client/Transport/bufferedBody")

/** The bytes of a body that arrived with its response. Undefined if the body is still being received or broke off. */
export const bufferedBodyOf = (response: HttpClientResponse): Uint8Array | undefined => {
  const bytes: unknown = bufferedBody in response ? response[bufferedBody] : undefined
  return bytes instanceof Uint8Array ? bytes : undefined
}
