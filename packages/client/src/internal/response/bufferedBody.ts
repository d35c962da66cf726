import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"

/** See `Transport.bufferedBody`, which is this. */
export const bufferedBody: unique symbol = Symbol.for("@countersign/client/Transport/wholeBody")

/** The bytes of a body that came with its answer; undefined for one that is on its way, or came broken. */
export const bufferedBodyOf = (response: HttpClientResponse): Uint8Array | undefined => {
  const bytes: unknown = bufferedBody in response ? response[bufferedBody] : undefined
  return bytes instanceof Uint8Array ? bytes : undefined
}
