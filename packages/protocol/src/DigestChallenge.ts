/**
 * Challenges of Digest access authentication (RFC 7616), and what a server says after it has accepted a digest.
 *
 * Parameters of a header field are byte strings: each character stands for one byte.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.3
 * @since 0.1.0
 */
import * as Challenges from "./Challenge.js"
import type { Result } from "./Result.js"
import { err, ok } from "./Result.js"

/**
 * The hash functions of Digest, without the `-sess` variant.
 *
 * @since 0.1.0
 * @category models
 */
export type Hash = "MD5" | "SHA-256" | "SHA-512-256"

/**
 * What a response digest protects: the method and the target (`auth`), or the body too (`auth-int`).
 *
 * @since 0.1.0
 * @category models
 */
export type Protection = "auth" | "auth-int"

/**
 * A Digest challenge.
 *
 * @since 0.1.0
 * @category models
 */
export interface DigestChallenge {
  /** The realm, as a byte string. */
  readonly realm: string
  /** The server's nonce. */
  readonly nonce: string
  /** A value that the client repeats. */
  readonly opaque: string | undefined
  /** The hash function (MD5 if the server names none). */
  readonly hash: Hash
  /** Whether the hash of the credentials includes the nonces of the session (`-sess`). */
  readonly session: boolean
  /** The `algorithm` as the server wrote it. Undefined if it named none. */
  readonly algorithm: string | undefined
  /** The protections that the server supports. Empty for a server of RFC 2069, which knows none. */
  readonly qop: ReadonlyArray<Protection>
  /** Whether the credentials were accepted and only the nonce has expired. */
  readonly stale: boolean
  /** Whether the user name is sent as a hash. */
  readonly userhash: boolean
  /** The URIs of the protection space, as the server wrote them. Empty for the whole server. */
  readonly domain: ReadonlyArray<string>
}

/**
 * Why a challenge cannot be answered.
 *
 * - `NotDigest`: it is a challenge of another scheme.
 * - `MissingRealm`, `MissingNonce`: a required parameter is missing, or the nonce is empty.
 * - `TooLong`: a value that every request repeats has more than {@link maxValueLength} characters.
 * - `UnknownAlgorithm`: RFC 7616 does not define the algorithm.
 * - `UnknownProtection`: `qop` contains neither `auth` nor `auth-int`, or a `-sess` algorithm has no `qop`.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason =
  "NotDigest" | "MissingRealm" | "MissingNonce" | "TooLong" | "UnknownAlgorithm" | "UnknownProtection"

/**
 * Maximum number of characters of the realm, the nonce and the opaque value, because each request repeats them.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxValueLength = 4096

const maxDomains = 64

const hashes: ReadonlyMap<string, Hash> = new Map([
  ["md5", "MD5"],
  ["sha-256", "SHA-256"],
  ["sha-512-256", "SHA-512-256"]
])

const sessionSuffix = "-sess"

const listOf = (text: string, separator: RegExp): ReadonlyArray<string> =>
  text.split(separator).filter((member) => member !== "")

const protectionsOf = (qop: string): ReadonlyArray<Protection> =>
  listOf(qop.toLowerCase(), /[\s,]+/).filter((one): one is Protection => one === "auth" || one === "auth-int")

/**
 * Reads a challenge as a Digest challenge. Names of algorithms, `qop`, `stale` and `userhash` are matched in any letter case.
 *
 * @example
 * import * as Challenge from "@countersign/protocol/Challenge"
 * import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
 *
 * const challenges = Challenge.parse('Digest realm="api", nonce="abc", qop="auth", algorithm=SHA-256')
 * const digests = challenges.map(DigestChallenge.fromChallenge)
 *
 * @returns the challenge, or why it cannot be answered
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.3
 * @since 0.1.0
 * @category decoding
 */
export const fromChallenge = ({ params, scheme }: Challenges.Challenge): Result<DigestChallenge, Reason> => {
  if (scheme !== "digest") return err("NotDigest")
  const { algorithm, domain = "", nonce = "", opaque, qop, realm, stale = "", userhash = "" } = params
  if (realm === undefined) return err("MissingRealm")
  if (nonce === "") return err("MissingNonce")
  if (Math.max(realm.length, nonce.length, opaque?.length ?? 0) > maxValueLength) return err("TooLong")
  const name = (algorithm ?? "MD5").toLowerCase()
  const session = name.endsWith(sessionSuffix)
  const hash = hashes.get(session ? name.slice(0, -sessionSuffix.length) : name)
  if (hash === undefined) return err("UnknownAlgorithm")
  const protections = qop === undefined ? [] : protectionsOf(qop)
  if (protections.length === 0 && (qop !== undefined || session)) return err("UnknownProtection")
  return ok({
    realm,
    nonce,
    opaque,
    hash,
    session,
    algorithm,
    qop: protections,
    stale: stale.toLowerCase() === "true",
    userhash: userhash.toLowerCase() === "true",
    domain: listOf(domain, / +/).slice(0, maxDomains)
  })
}

/**
 * What a server says after it has accepted a digest.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthenticationInfo {
  /** The nonce for the next request. */
  readonly nextnonce: string | undefined
  /** The digest of the response, which proves that the server knows the password. */
  readonly rspauth: string | undefined
}

/**
 * Parses `Authentication-Info` or `Proxy-Authentication-Info`. Invalid parameters are ignored.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7616#section-3.5
 * @since 0.1.0
 * @category decoding
 */
export const parseInfo = (fieldValue: string): AuthenticationInfo => {
  const params = Challenges.parse(`Info ${fieldValue}`)[0]?.params ?? {}
  const nonce = params["nextnonce"] ?? ""
  const isUsable = nonce !== "" && nonce.length <= maxValueLength
  return { nextnonce: isUsable ? nonce : undefined, rspauth: params["rspauth"]?.toLowerCase() }
}
