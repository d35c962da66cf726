/**
 * Digests of a representation: parser for `Repr-Digest` (RFC 9530 §3) and `Content-MD5` (RFC 1864).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-3
 * @since 0.1.0
 */
import * as ContentDigest from "./ContentDigest.js"
import * as Base64 from "./internal/Base64.js"
import { trimBlanks } from "./internal/Char.js"

/**
 * A digest that can be verified.
 *
 * @since 0.1.0
 * @category models
 */
export interface Digest {
  /** The hash function. */
  readonly algorithm: "sha256" | "sha512" | "md5"
  /** The hash in lower-case hexadecimal digits. */
  readonly hex: string
}

const names = { "sha-512": "sha512", "sha-256": "sha256" } as const

const hexOf = (bytes: Uint8Array): string => {
  let hex = ""
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0")
  return hex
}

/**
 * The strongest digest of a `Repr-Digest` that can be verified: `sha-512`, else `sha-256`. Of two members with one name the
 * last is used. Other algorithms, and hashes of another size, are ignored. A malformed field is ignored as a whole.
 *
 * @example
 * import * as ReprDigest from "@countersign/protocol/ReprDigest"
 *
 * ReprDigest.parse("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")
 *
 * @param field the value of the field
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-3
 * @since 0.1.0
 * @category decoding
 */
export const parse = (field: string): Digest | undefined => {
  const digests = ContentDigest.parse(field)
  const found = digests._tag === "Ok" ? ContentDigest.strongest(digests.value) : undefined
  return found === undefined ? undefined : { algorithm: names[found.algorithm], hex: hexOf(found.hash) }
}

/**
 * The digest of a `Content-MD5`, an obsolete field of some object stores. Undefined for an invalid value.
 *
 * @param field the value of the field
 * @see https://www.rfc-editor.org/rfc/rfc1864#section-2
 * @since 0.1.0
 * @category decoding
 */
export const parseContentMd5 = (field: string): Digest | undefined => {
  const hash = Base64.decode(trimBlanks(field))
  return hash?.length === 16 ? { algorithm: "md5", hex: hexOf(hash) } : undefined
}
