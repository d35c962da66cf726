/** 256 bits of the platform's own randomness, in hexadecimal: a value that nobody guesses. */
export const random = (): string => hex(globalThis.crypto.getRandomValues(new Uint8Array(32)))

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
