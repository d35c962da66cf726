/** SHA-256, by the hash library: browsers have `crypto.subtle` on https pages only. */
import { sha256 as hash } from "@noble/hashes/sha2.js"

const encoder = new TextEncoder()

/**
 * The hash of bytes, or of a text in UTF-8. It computes about 100 MB in a second, and does not yield. For the bytes of a body
 * use {@link bodyHash}.
 */
export const sha256 = (data: string | Uint8Array): Uint8Array =>
  hash(typeof data === "string" ? encoder.encode(data) : data)

/** Below this size, WebCrypto takes longer than {@link sha256}. */
const minWebCryptoBytes = 4 * 1024

/** The hash of a body. WebCrypto computes large ones outside of the event loop, where it exists. */
export const bodyHash = async (bytes: Uint8Array): Promise<Uint8Array> => {
  // The types assume that every page has it.
  const subtle = globalThis.crypto.subtle as SubtleCrypto | undefined
  if (bytes.length < minWebCryptoBytes || subtle === undefined) return sha256(bytes)
  // WebCrypto accepts a view of an `ArrayBuffer` that is not shared.
  const view = bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
  return new Uint8Array(await subtle.digest("SHA-256", view))
}
