/** Bits of a hash's output. A key for HMAC must have at least as many: RFC 7518 §3.2. */
const hashBits: Readonly<Record<string, number>> = { "SHA-256": 256, "SHA-384": 384, "SHA-512": 512 }

/** RFC 8017 §3.1: the public exponent is at least 3. With 1 a signature is the message itself. */
const minExponent = 3

const property = (value: object, name: string): unknown => Reflect.get(value, name)

const hmacProblem = (algorithm: object): string | undefined => {
  const hash = property(algorithm, "hash")
  const name = typeof hash === "object" && hash !== null ? property(hash, "name") : undefined
  const needed = hashBits[String(name)] ?? 0
  const length = property(algorithm, "length")
  return typeof length === "number" && length < needed
    ? `the key has ${length} bits, and ${String(name)} needs at least ${needed}: use a longer key`
    : undefined
}

const rsaProblem = (exponent: Uint8Array): string | undefined => {
  const value = exponent.reduce((sum, octet) => Math.min(sum * 256 + octet, Number.MAX_SAFE_INTEGER), 0)
  return value < minExponent ? `the public exponent of the RSA key is ${value}: use 65537` : undefined
}

/**
 * Why a key is too weak to verify a signature; undefined if it is strong enough. WebCrypto and `jose` check the
 * modulus of RSA keys, and neither the length of an HMAC key nor the exponent of an RSA key.
 *
 * Specification: RFC 7518 §3.2, RFC 8017 §3.1.
 */
export const keyProblem = ({ algorithm }: CryptoKey): string | undefined => {
  if (algorithm.name === "HMAC") return hmacProblem(algorithm)
  const exponent = property(algorithm, "publicExponent")
  return exponent instanceof Uint8Array ? rsaProblem(exponent) : undefined
}
