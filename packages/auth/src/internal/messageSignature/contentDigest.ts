/** `Content-Digest` over the bytes of a message (RFC 9530 §2). */
import * as ContentDigest from "@countersign/protocol/ContentDigest"
import * as Effect from "effect/Effect"

const hashes = { "sha-256": "SHA-256", "sha-512": "SHA-512" } as const

const hashOf = (algorithm: ContentDigest.Algorithm, bytes: Uint8Array): Effect.Effect<Uint8Array> =>
  Effect.promise(async () => {
    // WebCrypto accepts a view of an `ArrayBuffer` that is not shared.
    const view = bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
    return new Uint8Array(await crypto.subtle.digest(hashes[algorithm], view))
  })

/** The value of the field for some bytes. They are not copied. */
export const fieldOf = (algorithm: ContentDigest.Algorithm, bytes: Uint8Array): Effect.Effect<string> =>
  Effect.map(hashOf(algorithm, bytes), (hash) => {
    const field = ContentDigest.format([[algorithm, hash]])
    return field._tag === "Ok" ? field.value : ""
  })

/**
 * Whether the strongest hash of a field, or the one of an algorithm, is the hash of some bytes. False without a hash that can be
 * verified.
 */
export const matches = (field: string, bytes: Uint8Array, algorithm: string | undefined): Effect.Effect<boolean> => {
  const digests = ContentDigest.parse(field)
  const all = digests._tag === "Ok" ? Array.from(digests.value) : []
  const found = ContentDigest.strongest(new Map(all.filter(([name]) => algorithm === undefined || name === algorithm)))
  if (found === undefined) return Effect.succeed(false)
  return Effect.map(hashOf(found.algorithm, bytes), (hash) => hash.every((byte, index) => byte === found.hash[index]))
}
