/**
 * Credentials of Digest access authentication (RFC 7616): the texts to hash, and the `Authorization` field.
 *
 * This module hashes nothing: the caller passes a hash function. All texts are byte strings, where each character stands for one
 * byte. {@link toByteString} encodes a text in UTF-8.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.4
 * @since 0.1.0
 */
import type { DigestChallenge, Protection } from "./DigestChallenge.js"
import { isControl, isTokenChar, skip } from "./internal/Char.js"

/**
 * Encodes a text in UTF-8, as a byte string. Unicode Normalization Form C is applied first, except to more than 1024 UTF-16 code
 * units.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-4
 * @since 0.1.0
 * @category encoding
 */
export const toByteString = (text: string): string => {
  // Normalization sorts combining marks in quadratic time.
  const composed = text.length > 1024 ? text : text.normalize("NFC")
  let bytes = ""
  for (const byte of new TextEncoder().encode(composed)) bytes += String.fromCharCode(byte)
  return bytes
}

/**
 * A function that hashes a byte string, with the result in lower-case hexadecimal.
 *
 * @since 0.1.0
 * @category models
 */
export type HashFunction = (byteString: string) => string

/**
 * Hash of the credentials, `H(A1)` without the nonces of a session: `H(username:realm:password)`.
 *
 * @param hash - the hash function of the challenge
 * @param username - as a byte string
 * @param password - as a byte string
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.4.2
 * @since 0.1.0
 * @category hashing
 */
export const credentialsHash = (hash: HashFunction, username: string, realm: string, password: string): string =>
  hash(`${username}:${realm}:${password}`)

/**
 * Hash of the credentials for a session (`-sess`): `H(H(username:realm:password):nonce:cnonce)`, with the nonces of the first
 * request.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.4.2
 * @since 0.1.0
 * @category hashing
 */
export const sessionHash = (hash: HashFunction, credentials: string, nonce: string, cnonce: string): string =>
  hash(`${credentials}:${nonce}:${cnonce}`)

/**
 * The values of one response digest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  /** `H(A1)`: {@link credentialsHash} or {@link sessionHash}. */
  readonly secret: string
  /** The method of the request. Empty for `rspauth`, the digest of a response. */
  readonly method: string
  /** The request target, exactly as it is sent. */
  readonly uri: string
  /** The nonce of the challenge. */
  readonly nonce: string
  /** The protection, with the client's values. Undefined for a server of RFC 2069. */
  readonly qop: Use | undefined
}

/**
 * The protection of one request, and the client's values for it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Use {
  /** What the digest covers (`qop`). */
  readonly protection: Protection
  /** The nonce count: 1 for the first request with a nonce. */
  readonly nc: number
  /** The client's nonce. */
  readonly cnonce: string
  /** Hash of the body in hexadecimal. It is used for `auth-int` only. */
  readonly bodyHash: string
}

/**
 * The nonce count as it is sent: eight hexadecimal digits.
 *
 * @since 0.1.0
 * @category encoding
 */
export const formatCount = (nc: number): string => nc.toString(16).padStart(8, "0")

/**
 * The largest nonce count. After it a client needs another nonce.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxCount = 0xffff_ffff

/**
 * The response digest of a request, or with an empty method the `rspauth` of a response.
 *
 * @example
 * import * as DigestCredentials from "@countersign/protocol/DigestCredentials"
 * import { createHash } from "node:crypto"
 *
 * const hash = (text: string) => createHash("sha256").update(Buffer.from(text, "latin1")).digest("hex")
 * const secret = DigestCredentials.credentialsHash(hash, "user", "api", "pass")
 * const qop = { protection: "auth", nc: 1, cnonce: "c", bodyHash: "" } as const
 *
 * DigestCredentials.responseDigest(hash, { secret, method: "GET", uri: "/reports?page=1", nonce: "n", qop })
 *
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.4.1
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.5
 * @since 0.1.0
 * @category hashing
 */
export const responseDigest = (hash: HashFunction, { method, nonce, qop, secret, uri }: Message): string => {
  if (qop === undefined) return hash(`${secret}:${nonce}:${hash(`${method}:${uri}`)}`)
  const { bodyHash, cnonce, nc, protection } = qop
  const request = protection === "auth-int" ? `${method}:${uri}:${bodyHash}` : `${method}:${uri}`
  return hash(`${secret}:${nonce}:${formatCount(nc)}:${cnonce}:${protection}:${hash(request)}`)
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`

/** Characters of `attr-char` (RFC 8187 §3.2.1): those of a token without `*`, `'` and `%`. */
const isAttributeChar = (code: number): boolean => isTokenChar(code) && code !== 0x2a && code !== 0x27 && code !== 0x25

const extendedValue = (byteString: string): string =>
  `UTF-8''${Array.from(byteString, (byte) => {
    const code = byte.charCodeAt(0)
    return isAttributeChar(code) ? byte : `%${code.toString(16).toUpperCase().padStart(2, "0")}`
  }).join("")}`

const isPrintableAscii = (text: string): boolean =>
  skip(text, 0, (code) => !isControl(code) && code < 0x7f) === text.length

const usernameParameter = (username: string, isHash: boolean): string =>
  isHash || isPrintableAscii(username) ? `username=${quoted(username)}` : `username*=${extendedValue(username)}`

/**
 * Formats the value of `Authorization` or `Proxy-Authorization`.
 *
 * Quotes are used where RFC 7616 requires them, because some servers accept no others. A user name with characters beyond ASCII is
 * sent as `username*`.
 *
 * @param challenge - the challenge that is answered
 * @param username - as a byte string, or its hash if the challenge has `userhash`
 * @param message - the values of the response digest
 * @param response - the response digest
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.4
 * @since 0.1.0
 * @category encoding
 */
export const format = (
  { algorithm, nonce, opaque, realm, userhash }: DigestChallenge,
  username: string,
  { qop, uri }: Pick<Message, "qop" | "uri">,
  response: string
): string =>
  [
    usernameParameter(username, userhash),
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(uri)}`,
    ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
    `response="${response}"`,
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
    ...(qop === undefined
      ? []
      : [`qop=${qop.protection}`, `nc=${formatCount(qop.nc)}`, `cnonce=${quoted(qop.cnonce)}`]),
    ...(userhash ? ["userhash=true"] : [])
  ].reduce((field, parameter, index) => `${field}${index === 0 ? " " : ", "}${parameter}`, "Digest")
