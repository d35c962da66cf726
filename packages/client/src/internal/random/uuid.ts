/** Random UUIDs, also on web pages without HTTPS, where browsers have no `crypto.randomUUID`. */

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const fromRandomBytes = (): string => {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16))
  // RFC 9562 §5.4: version 4, and the variant of RFC 9562.
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return hexOf(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
}

/** Makes a UUID of version 4 (RFC 9562 §5.4). */
export const randomUuid = (): string =>
  // The types assume that every page has it.
  (globalThis.crypto.randomUUID as (() => string) | undefined) === undefined
    ? fromRandomBytes()
    : globalThis.crypto.randomUUID()
