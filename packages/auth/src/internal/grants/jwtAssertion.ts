/** Assertions of the JWT bearer grant (RFC 7523 §3). */
import { InvalidRequest } from "@countersign/client/Errors"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import type { PrivateKey } from "../../ClientAuthentication.js"

/**
 * How to make an assertion. It is valid for one minute, by the clock of the authorization server, and is sent once.
 *
 * @since 0.1.0
 * @category models
 */
export interface JwtAssertion {
  /** The private key that signs the assertion: RSA (at least 2048 bits), P-256, P-384, P-521 or Ed25519. */
  readonly key: PrivateKey
  /** The claim `iss` (default: the client id). */
  readonly issuer?: string | undefined
  /** The claim `sub`: the user that the token is for (default: `issuer`). `false` leaves it out, as Google requires. */
  readonly subject?: string | false | undefined
  /** The claim `aud` (default: the issuer of the authorization server). */
  readonly audience?: string | ReadonlyArray<string> | undefined
  /** Additional claims, as JSON. Google's service accounts name the scopes here (`scope`). They do not override others. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/** Long enough for one request. A leaked assertion expires soon. */
const lifeSeconds = 60

type Names = Readonly<Record<string, string>>

const byHash = (prefix: string): Names => ({
  "SHA-256": `${prefix}256`,
  "SHA-384": `${prefix}384`,
  "SHA-512": `${prefix}512`
})

const byCurve: Names = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" }

/** JWS algorithms by the name of the key's algorithm, then by its hash or curve. */
const algorithms: Readonly<Record<string, Names>> = {
  "RSASSA-PKCS1-v1_5": byHash("RS"),
  "RSA-PSS": byHash("PS"),
  ECDSA: byCurve,
  Ed25519: { "": "Ed25519" }
}

/** The JWS algorithm of a private key. Throws for a key that signs with none. */
export const algorithmOf = ({ algorithm }: jose.CryptoKey): string => {
  // Only some WebCrypto algorithms have a hash or a curve. For others these are undefined.
  const { hash, name, namedCurve } = algorithm as KeyAlgorithm & Partial<RsaHashedKeyAlgorithm & EcKeyAlgorithm>
  const alg = algorithms[name]?.[hash?.name ?? namedCurve ?? ""]
  if (alg === undefined) throw new Error("no algorithm for such a key")
  return alg
}

const unsigned = new InvalidRequest({
  reason: "Credentials",
  detail:
    "the assertion cannot be signed: the key or the claims are invalid. Use a private WebCrypto key for signing (RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519), and claims that are JSON."
})

/** Defaults of `iss` (`client`) and `aud` (`server`), and the current time in epoch seconds. */
export interface AssertionContext {
  readonly client: string
  readonly server: string
  readonly now: number
}

/** Makes an assertion with a unique `jti`. */
export const make = (
  { audience, claims, issuer, key: { key, kid }, subject }: JwtAssertion,
  { client, now, server }: AssertionContext
): Effect.Effect<Redacted.Redacted<string>, InvalidRequest> => {
  const iss = issuer ?? client
  const times = { iat: now, nbf: now, exp: now + lifeSeconds }
  const aud = typeof audience === "object" ? [...audience] : (audience ?? server)
  const sub = subject === false ? undefined : (subject ?? iss)
  const said = { ...claims, iss, ...(sub !== undefined && { sub }), aud, ...times }
  const sign = (jti: string) =>
    Effect.tryPromise({
      try: async () => {
        const jwt = new jose.SignJWT({ ...said, jti })
        const header = { alg: algorithmOf(key), typ: "JWT", ...(kid !== undefined && { kid }) }
        return Redacted.make(await jwt.setProtectedHeader(header).sign(key))
      },
      catch: () => unsigned
    })
  return Effect.flatMap(IdempotencyKey.uuid, sign)
}
