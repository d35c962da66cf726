/** DPoP proofs for resource servers (RFC 9449 §4.2), and the keys that sign them. */
import * as Encoding from "effect/Encoding"
import * as jose from "jose"
import { sha256 } from "../hash/sha256.js"

/**
 * A WebCrypto key pair that tokens are bound to: ES256, ES384, ES512 or Ed25519. Its public key has to be extractable.
 *
 * @since 0.1.0
 * @category models
 */
export interface Key {
  readonly privateKey: jose.CryptoKey
  readonly publicKey: jose.CryptoKey
}

/** Algorithms by curve. RSA is left out, because it is too slow to sign each request. */
const algorithms: Readonly<Record<string, string>> = {
  "P-256": "ES256",
  "P-384": "ES384",
  "P-521": "ES512",
  Ed25519: "Ed25519"
}

const algorithmOf = ({ crv = "" }: jose.JWK): string | undefined =>
  Object.hasOwn(algorithms, crv) ? algorithms[crv] : undefined

/** The public members of a JWK, which identify the key and may be sent. */
const publicOf = ({ crv, kty, x, y }: jose.JWK): jose.JWK => ({
  ...(kty !== undefined && { kty }),
  ...(crv !== undefined && { crv }),
  ...(x !== undefined && { x }),
  ...(y !== undefined && { y })
})

const publicJwk = async ({ publicKey }: Key): Promise<jose.JWK> => publicOf(await jose.exportJWK(publicKey))

/** JWK thumbprint (RFC 7638). Servers use it to name the key that a token is bound to. */
export const thumbprint = (key: Key): Promise<string> => publicJwk(key).then((jwk) => jose.calculateJwkThumbprint(jwk))

/** The private key as a JWK in JSON. Rejects if the key is not extractable. */
export const toJwk = async ({ privateKey }: Key): Promise<string> => JSON.stringify(await jose.exportJWK(privateKey))

/** Longer than any key of these algorithms. */
const maxJwkLength = 2048

/** Imports a key pair from the JSON of a private JWK. Undefined if the text is not one. */
export const read = async (text: string, extractable: boolean): Promise<Key | undefined> => {
  if (text.length > maxJwkLength) return undefined
  try {
    // The type is only assumed. The import validates each member.
    const jwk = JSON.parse(text) as jose.JWK
    const alg = algorithmOf(jwk)
    if (alg === undefined || jwk.d === undefined) return undefined
    const [privateKey, publicKey] = await Promise.all([
      jose.importJWK({ ...publicOf(jwk), d: jwk.d }, alg, { extractable }),
      jose.importJWK(publicOf(jwk), alg, { extractable: true })
    ])
    const areKeys = privateKey instanceof CryptoKey && publicKey instanceof CryptoKey
    return areKeys && privateKey.type === "private" ? { privateKey, publicKey } : undefined
  } catch {
    return undefined
  }
}

const encoder = new TextEncoder()

/** The `ath` claim of a proof: the hash of the access token. */
const accessTokenHash = (accessToken: string): string => Encoding.encodeBase64Url(sha256(accessToken))

/** The request that a proof is made for. */
export interface Subject {
  readonly method: string
  readonly url: URL
  readonly accessToken: string
  /** In epoch seconds, by the server's clock. */
  readonly iat: number
  readonly nonce: string | undefined
}

/** Makes a function that signs proofs. The header and token hash are computed once. Rejects for a key of another curve. */
export const makeProver = (key: Key): ((subject: Subject) => Promise<string>) => {
  let header: Promise<jose.CompactJWSHeaderParameters> | undefined
  let hashed: { readonly accessToken: string; readonly ath: string } | undefined

  const headerOf = async (): Promise<jose.CompactJWSHeaderParameters> => {
    const jwk = await publicJwk(key)
    const alg = algorithmOf(jwk)
    if (alg === undefined) throw new Error("not a key of a known curve")
    return { alg, typ: "dpop+jwt", jwk }
  }
  const athOf = (accessToken: string): string => {
    if (hashed?.accessToken !== accessToken) hashed = { accessToken, ath: accessTokenHash(accessToken) }
    return hashed.ath
  }

  return async ({ accessToken, iat, method, nonce, url }) => {
    const claims = {
      jti: globalThis.crypto.randomUUID(),
      htm: method,
      htu: url.origin + url.pathname,
      iat,
      ath: athOf(accessToken),
      nonce
    }
    return new jose.CompactSign(encoder.encode(JSON.stringify(claims)))
      .setProtectedHeader(await (header ??= headerOf()))
      .sign(key.privateKey)
  }
}
