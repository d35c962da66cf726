/**
 * Digests of a representation: parser for `Repr-Digest` (RFC 9530 §3) and `Content-MD5` (RFC 1864).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9530#section-3
 * @since 0.1.0
 */
import { EQUALS, isAlpha, isDigit, skip, skipMember, trimBlanks } from "./internal/Char.js"

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

/** Bytes of a hash. */
const sizes = { sha512: 64, sha256: 32, md5: 16 } as const

/** The names of RFC 9530 §5 that are not deprecated, strongest first. */
const names = { "sha-512": "sha512", "sha-256": "sha256" } as const

const COLON = 0x3a
const PLUS = 0x2b
const SLASH = 0x2f

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

const isBase64 = (code: number): boolean => isAlpha(code) || isDigit(code) || code === PLUS || code === SLASH

/** Decodes base64 of a hash with `size` bytes. Undefined for another length or another character. */
const hexOf = (base64: string, size: number): string | undefined => {
  const digits = Math.ceil((size * 4) / 3)
  const end = skip(base64, 0, isBase64)
  const padding = base64.slice(end)
  if (end !== digits || (padding !== "" && padding !== "=".repeat((4 - (digits % 4)) % 4))) return undefined
  let hex = ""
  let bits = 0
  let value = 0
  for (const char of base64.slice(0, end)) {
    value = ((value << 6) | alphabet.indexOf(char)) & 0xfff
    bits += 6
    for (; bits >= 4; bits -= 4) hex += ((value >> (bits - 4)) & 15).toString(16)
  }
  return hex.slice(0, size * 2)
}

/** The base64 of a byte sequence at `index`: `:…:` (RFC 9651 §4.2.7). */
const byteSequence = (field: string, index: number): string | undefined => {
  if (field.charCodeAt(index) !== COLON) return undefined
  const end = field.indexOf(":", index + 1)
  return end === -1 ? undefined : field.slice(index + 1, end)
}

/**
 * The strongest digest of a `Repr-Digest` that can be verified: `sha-512`, else `sha-256`. Of two members with one name the
 * last is used. Other algorithms, and members that are invalid, are ignored.
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
  const found = new Map<string, Digest>()
  for (let index = 0; index < field.length;) {
    const end = skipMember(field, index)
    const member = trimBlanks(field.slice(index, end))
    index = end + 1
    const equals = member.indexOf("=")
    const name = Object.entries(names).find(([key]) => key === member.slice(0, equals))
    if (name === undefined || member.charCodeAt(equals) !== EQUALS) continue
    const base64 = byteSequence(member, equals + 1)
    const hex = base64 === undefined ? undefined : hexOf(base64, sizes[name[1]])
    if (hex !== undefined) found.set(name[1], { algorithm: name[1], hex })
  }
  return found.get("sha512") ?? found.get("sha256")
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
  const hex = hexOf(trimBlanks(field), sizes.md5)
  return hex === undefined ? undefined : { algorithm: "md5", hex }
}
