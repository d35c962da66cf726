/** SHA-256 with the Web Crypto API. */

const encoder = new TextEncoder()

/** The hash of bytes, or of a text in UTF-8. Rejects where `crypto.subtle` is missing, as on web pages without HTTPS. */
export const sha256 = async (data: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array> => {
  const bytes = typeof data === "string" ? encoder.encode(data) : data
  return new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes))
}
