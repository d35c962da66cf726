import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * A public or symmetric key ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517#section-4)), with the members that this server
 * uses.
 *
 * @since 0.1.0
 * @category models
 */
export interface Jwk {
  readonly kty?: string | undefined
  readonly kid?: string | undefined
  readonly crv?: string | undefined
  readonly x?: string | undefined
  readonly y?: string | undefined
  readonly n?: string | undefined
  readonly e?: string | undefined
  readonly k?: string | undefined
}

type Members = Readonly<Record<string, unknown>>

/** A decoded JWT, not verified yet. */
export interface Jwt {
  readonly header: Members
  readonly claims: Members
  readonly signed: Uint8Array<ArrayBuffer>
  readonly signature: Uint8Array<ArrayBuffer>
}

/** Parameters per algorithm. A key of another type verifies nothing (RFC 8725 §3.1). */
const algorithms = {
  ES256: {
    kty: "EC",
    key: { name: "ECDSA", namedCurve: "P-256" },
    signature: { name: "ECDSA", hash: "SHA-256" }
  },
  RS256: {
    kty: "RSA",
    key: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    signature: { name: "RSASSA-PKCS1-v1_5" }
  },
  PS256: {
    kty: "RSA",
    key: { name: "RSA-PSS", hash: "SHA-256" },
    signature: { name: "RSA-PSS", saltLength: 32 }
  },
  EdDSA: { kty: "OKP", key: { name: "Ed25519" }, signature: { name: "Ed25519" } },
  HS256: { kty: "oct", key: { name: "HMAC", hash: "SHA-256" }, signature: { name: "HMAC" } }
} as const

export type Algorithm = keyof typeof algorithms

/** Algorithms with a public key. */
export const asymmetric: ReadonlyArray<Algorithm> = ["ES256", "RS256", "PS256", "EdDSA"]

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

const bytes = (text: string): Option.Option<Uint8Array<ArrayBuffer>> =>
  Option.map(Option.getRight(Encoding.decodeBase64Url(text)), (decoded) => new Uint8Array(decoded))

const members = (text: string): Option.Option<Members> =>
  Option.flatMap(bytes(text), (decoded) =>
    Schema.decodeUnknownOption(Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown })))(
      new TextDecoder().decode(decoded)
    )
  )

/** Decodes a JWT in compact form (RFC 7515 §3.1). Do not use its claims before {@link verify}. */
export const decode = (text: string): Option.Option<Jwt> => {
  const [head = "", body = "", tail = "", ...more] = text.split(".")
  if (more.length > 0) return Option.none()
  return Option.all({
    header: members(head),
    claims: members(body),
    signed: Option.some(utf8(`${head}.${body}`)),
    signature: bytes(tail)
  })
}

const imported = (alg: Algorithm, { crv, e, k, kty, n, x, y }: Jwk): Promise<CryptoKey> => {
  const members = Object.entries({ kty, crv, x, y, n, e, k }).filter(([, value]) => value !== undefined)
  return globalThis.crypto.subtle.importKey("jwk", Object.fromEntries(members), algorithms[alg].key, false, ["verify"])
}

const isSignedBy = (jwt: Jwt, alg: Algorithm, key: Jwk): Effect.Effect<boolean> =>
  Effect.tryPromise(async () =>
    globalThis.crypto.subtle.verify(algorithms[alg].signature, await imported(alg, key), jwt.signature, jwt.signed)
  ).pipe(Effect.orElseSucceed(() => false))

/** The algorithm of a header if it is allowed. Headers with `crit` are rejected (RFC 7515 §4.1.11). */
const algorithmOf = ({ alg, crit }: Members, allowed: ReadonlyArray<Algorithm>): Algorithm | undefined =>
  crit === undefined ? allowed.find((name) => name === alg) : undefined

/** Whether one of the keys verifies the signature. */
export const verify = (
  jwt: Jwt,
  keys: ReadonlyArray<Jwk>,
  allowed: ReadonlyArray<Algorithm> = asymmetric
): Effect.Effect<boolean> => {
  const alg = algorithmOf(jwt.header, allowed)
  if (alg === undefined) return Effect.succeed(false)
  const { kid } = jwt.header
  const fitting = keys.filter(
    (key) => key.kty === algorithms[alg].kty && (kid === undefined || key.kid === undefined || key.kid === kid)
  )
  return Effect.exists(fitting, (key) => isSignedBy(jwt, alg, key))
}

/** A shared secret as HMAC key. */
export const secretKey = (secret: string): Jwk => ({ kty: "oct", k: Encoding.encodeBase64Url(secret) })

export const sha256 = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", utf8(text))),
    (digest) => Encoding.encodeBase64Url(new Uint8Array(digest))
  )

/** JWK thumbprint (RFC 7638 §3): the hash of the required members in order. */
export const thumbprint = ({ crv, e, kty, n, x, y }: Jwk): Effect.Effect<string> =>
  sha256(JSON.stringify(kty === "RSA" ? { e, kty, n } : { crv, kty, x, ...(kty === "EC" ? { y } : {}) }))

/** Signs JWTs with ES256 and publishes the public key. */
export interface Signer {
  readonly publicKey: Effect.Effect<Jwk>
  readonly sign: (claims: Members) => Effect.Effect<string>
}

const generate = async () => {
  const { privateKey, publicKey } = await globalThis.crypto.subtle.generateKey(algorithms.ES256.key, true, [
    "sign",
    "verify"
  ])
  const { crv, kty, x, y } = await globalThis.crypto.subtle.exportKey("jwk", publicKey)
  return { privateKey, jwk: { kty, crv, x, y, alg: "ES256", use: "sig" } }
}

/** Makes a signer. Its key is generated at first use. */
export const signer = (kid: string): Signer => {
  let made: ReturnType<typeof generate> | undefined
  const key = Effect.promise(() => (made ??= generate()))
  return {
    publicKey: Effect.map(key, ({ jwk }) => ({ ...jwk, kid })),
    sign: (claims) =>
      Effect.flatMap(key, ({ privateKey }) => {
        const header = { alg: "ES256", typ: "JWT", kid }
        const signed = [header, claims].map((part) => Encoding.encodeBase64Url(JSON.stringify(part))).join(".")
        return Effect.map(
          Effect.promise(() => globalThis.crypto.subtle.sign(algorithms.ES256.signature, privateKey, utf8(signed))),
          (signature) => `${signed}.${Encoding.encodeBase64Url(new Uint8Array(signature))}`
        )
      })
  }
}
