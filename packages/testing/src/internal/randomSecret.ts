import * as Encoding from "effect/Encoding"

/** A random secret of 256 bits in hexadecimal. */
export const random = (): string => Encoding.encodeHex(globalThis.crypto.getRandomValues(new Uint8Array(32)))
