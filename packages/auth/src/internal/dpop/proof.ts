/** Proofs of possession for resource servers, and the keys that make them. */
import * as Encoding from "effect/Encoding"
import * as jose from "jose"

/**
 * A pair of keys of WebCrypto that tokens are bound to: ES256, ES384, ES512 or Ed25519. The public one can be exported.
 *
 * @since 0.1.0
 * @category models
 */
export interface Key {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/** The algorithms by the curve of a key; RSA's are slow to sign each request with. */
const algorithms: Readonly<Record<string, string>> = {
  "P-256": "ES256",
  "P-384": "ES384",
  "P-521": "ES512",
  Ed25519: "Ed25519"
}

const algorithmOf = ({ crv = "" }: jose.JWK): string | undefined =>
  Object.hasOwn(algorithms, crv) ? algorithms[crv] : undefined

/** The public members alone: what identifies the key, and may be sent. */
const publicOf = ({ crv, kty, x, y }: jose.JWK): jose.JWK => ({
  ...(kty !== undefined && { kty }),
  ...(crv !== undefined && { crv }),
  ...(x !== undefined && { x }),
  ...(y !== undefined && { y })
})

const publicJwk = async ({ publicKey }: Key): Promise<jose.JWK> => publicOf(await jose.exportJWK(publicKey))

/** RFC 7638, by which servers name the key that a token is bound to. */
export const thumbprint = (key: Key): Promise<string> => publicJwk(key).then((jwk) => jose.calculateJwkThumbprint(jwk))

/** The key as JSON, with what is secret in it. Rejects for one that was made to stay where it is. */
export const written = async ({ privateKey }: Key): Promise<string> => JSON.stringify(await jose.exportJWK(privateKey))

/** Longer than any key of these algorithms. */
const longestJwk = 2048

/** The key of such a JSON; undefined where that is none. */
export const read = async (text: string, extractable: boolean): Promise<Key | undefined> => {
  if (text.length > longestJwk) return undefined
  try {
    // Whatever else it may be: its members are looked at one by one, by what imports them.
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

/** The hash of an access token as proofs hold it. */
const hashOf = async (accessToken: string): Promise<string> =>
  Encoding.encodeBase64Url(
    new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", encoder.encode(accessToken)))
  )

/** What a proof is made for: one request. */
export interface Subject {
  readonly method: string
  readonly url: URL
  readonly accessToken: string
  /** In epoch seconds, of the server's clock. */
  readonly iat: number
  readonly nonce: string | undefined
}

/** Makes proofs. What does not change from one request to the next is worked out once. Rejects for a key that signs none. */
export const making = (key: Key): ((subject: Subject) => Promise<string>) => {
  let header: Promise<jose.CompactJWSHeaderParameters> | undefined
  let hashed: { readonly accessToken: string; readonly ath: Promise<string> } | undefined

  const headerOf = async (): Promise<jose.CompactJWSHeaderParameters> => {
    const jwk = await publicJwk(key)
    const alg = algorithmOf(jwk)
    if (alg === undefined) throw new Error("not a key of a known curve")
    return { alg, typ: "dpop+jwt", jwk }
  }
  const athOf = (accessToken: string): Promise<string> => {
    if (hashed?.accessToken !== accessToken) hashed = { accessToken, ath: hashOf(accessToken) }
    return hashed.ath
  }

  return async ({ accessToken, iat, method, nonce, url }) => {
    const claims = {
      jti: globalThis.crypto.randomUUID(),
      htm: method,
      htu: url.origin + url.pathname,
      iat,
      ath: await athOf(accessToken),
      nonce
    }
    return new jose.CompactSign(encoder.encode(JSON.stringify(claims)))
      .setProtectedHeader(await (header ??= headerOf()))
      .sign(key.privateKey)
  }
}
