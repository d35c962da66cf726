/** Keys of HTTP message signatures, and their WebCrypto algorithms (RFC 9421 §3.3). */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as jose from "jose"
import { withWebCrypto } from "../hash/webCrypto.js"

/**
 * A signature algorithm of the registry "HTTP Signature Algorithms".
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm =
  "ecdsa-p256-sha256" | "ecdsa-p384-sha384" | "ed25519" | "hmac-sha256" | "rsa-pss-sha512" | "rsa-v1_5-sha256"

/**
 * A WebCrypto key for one algorithm. A private key signs, a public key verifies, and a shared secret does both.
 *
 * @since 0.1.0
 * @category models
 */
export interface Key {
  readonly algorithm: Algorithm
  readonly key: jose.CryptoKey
  /** The key id (`keyid`), by which the other side finds the key. */
  readonly keyId?: string | undefined
}

interface Specification {
  /** The JWS algorithm with the same keys, which `jose` imports. */
  readonly jws: string
  /** Parameters of `sign` and `verify`. */
  readonly parameters: AlgorithmIdentifier | EcdsaParams | RsaPssParams
}

const specifications: Readonly<Record<Algorithm, Specification>> = {
  "ecdsa-p256-sha256": { jws: "ES256", parameters: { name: "ECDSA", hash: "SHA-256" } },
  "ecdsa-p384-sha384": { jws: "ES384", parameters: { name: "ECDSA", hash: "SHA-384" } },
  ed25519: { jws: "Ed25519", parameters: { name: "Ed25519" } },
  "hmac-sha256": { jws: "HS256", parameters: { name: "HMAC" } },
  "rsa-pss-sha512": { jws: "PS512", parameters: { name: "RSA-PSS", saltLength: 64 } },
  "rsa-v1_5-sha256": { jws: "RS256", parameters: { name: "RSASSA-PKCS1-v1_5" } }
}

const byCurve: Readonly<Record<string, Algorithm>> = {
  "P-256": "ecdsa-p256-sha256",
  "P-384": "ecdsa-p384-sha384",
  Ed25519: "ed25519"
}

/** The algorithm that the members of a JWK imply. Undefined for RSA without `alg`, and for unknown keys. */
const impliedBy = ({ alg, crv = "", kty }: jose.JWK): Algorithm | undefined => {
  if (kty === "oct") return "hmac-sha256"
  if (kty === "EC" || kty === "OKP") return Object.hasOwn(byCurve, crv) ? byCurve[crv] : undefined
  if (alg === "PS512") return "rsa-pss-sha512"
  return alg === "RS256" ? "rsa-v1_5-sha256" : undefined
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Credentials", detail })

const unknownAlgorithm = invalid("the algorithm of the JWK is unknown. Set `algorithm`, which RSA keys need.")

const otherAlgorithm = invalid("`algorithm` does not fit the JWK. Remove the option, or use another key.")

const noJwk = invalid(
  "the text is no JWK of this algorithm. Use the JSON of a private key, a public key or a secret (`oct`)."
)

const noSecret = invalid("the secret is empty. Set the environment variable or the value that it comes from.")

const noPem = invalid(
  "the text is no PEM of this algorithm. Use PKCS #8 (`BEGIN PRIVATE KEY`) or SPKI (`BEGIN PUBLIC KEY`)."
)

const weak = invalid("the RSA key is too short. Use a key of at least 2048 bits.")

const minRsaBits = 2048

const imported = (
  algorithm: Algorithm,
  keyId: string | undefined,
  run: () => Promise<jose.CryptoKey | Uint8Array>,
  failure: InvalidRequest
): Effect.Effect<Key, InvalidRequest> =>
  Effect.flatMap(
    withWebCrypto(() => run().catch(() => undefined)),
    (key) => {
      if (!(key instanceof CryptoKey)) return Effect.fail(failure)
      // Only RSA keys have this member.
      const { modulusLength = minRsaBits } = key.algorithm as Partial<RsaKeyAlgorithm>
      return modulusLength < minRsaBits ? Effect.fail(weak) : Effect.succeed({ algorithm, key, keyId })
    }
  )

/** Imports a shared secret. */
export const importSecret = (secret: Uint8Array, keyId: string | undefined): Effect.Effect<Key, InvalidRequest> => {
  // WebCrypto rejects an empty secret.
  const hmac = { name: "HMAC", hash: "SHA-256" }
  // WebCrypto accepts a view of an `ArrayBuffer` that is not shared.
  const bytes = new Uint8Array(secret)
  return imported(
    "hmac-sha256",
    keyId,
    () => crypto.subtle.importKey("raw", bytes, hmac, false, ["sign", "verify"]),
    noSecret
  )
}

const parsed = (text: string): jose.JWK | undefined => {
  try {
    // The type is only assumed. The import validates each member.
    return JSON.parse(text) as jose.JWK
  } catch {
    return undefined
  }
}

/** Imports a JWK in JSON. */
export const importJwk = (
  text: string,
  wanted: Algorithm | undefined,
  keyId: string | undefined
): Effect.Effect<Key, InvalidRequest> => {
  const jwk = parsed(text)
  if (jwk === undefined || jwk === null || typeof jwk !== "object") return Effect.fail(noJwk)
  const implied = impliedBy(jwk)
  const algorithm = implied ?? (jwk.kty === "RSA" && jwk.alg === undefined ? wanted : undefined)
  if (algorithm === undefined) return Effect.fail(unknownAlgorithm)
  if (wanted !== undefined && wanted !== algorithm) return Effect.fail(otherAlgorithm)
  const id = keyId ?? (typeof jwk.kid === "string" ? jwk.kid : undefined)
  if (algorithm !== "hmac-sha256") {
    return imported(
      algorithm,
      id,
      () => jose.importJWK(jwk, specifications[algorithm].jws, { extractable: false }),
      noJwk
    )
  }
  const secret = typeof jwk.k === "string" ? decoded(jwk.k) : undefined
  return secret === undefined ? Effect.fail(noJwk) : importSecret(secret, id)
}

const decoded = (text: string): Uint8Array | undefined => {
  try {
    return jose.base64url.decode(text)
  } catch {
    return undefined
  }
}

/** Imports a private key (PKCS #8) or a public key (SPKI) in PEM. */
export const importPem = (
  text: string,
  algorithm: Algorithm,
  keyId: string | undefined
): Effect.Effect<Key, InvalidRequest> => {
  const { jws } = specifications[algorithm]
  const pem = text.trim()
  if (pem.startsWith("-----BEGIN PUBLIC KEY-----"))
    return imported(algorithm, keyId, () => jose.importSPKI(pem, jws), noPem)
  return imported(algorithm, keyId, () => jose.importPKCS8(pem, jws), noPem)
}

const cannotSign = invalid("the key cannot sign. Use a private key or a shared secret.")

const encoder = new TextEncoder()

/** Signs a signature base. */
export const sign = ({ algorithm, key }: Key, base: string): Effect.Effect<Uint8Array, InvalidRequest> =>
  Effect.tryPromise({
    try: () => crypto.subtle.sign(specifications[algorithm].parameters, key, encoder.encode(base)),
    catch: () => cannotSign
  }).pipe(Effect.map((signature) => new Uint8Array(signature)))

/** Whether a signature is the one of a signature base. False for a key that cannot verify. */
export const verify = ({ algorithm, key }: Key, base: string, signature: Uint8Array): Effect.Effect<boolean> =>
  Effect.promise(() =>
    crypto.subtle
      .verify(specifications[algorithm].parameters, key, new Uint8Array(signature), encoder.encode(base))
      .catch(() => false)
  )
