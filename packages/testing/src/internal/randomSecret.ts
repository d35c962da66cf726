/** A random secret of 256 bits in hexadecimal. */
export const random = (): string => hex(globalThis.crypto.getRandomValues(new Uint8Array(32)))

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
