/** The assertion that a client makes to ask for somebody's token, see RFC 7523 §3. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import type { PrivateKey } from "../../ClientAuthentication.js"

/**
 * What an assertion is made of. It lives for a minute, by the clock of the authorization server, and is sent once.
 *
 * @since 0.1.0
 * @category models
 */
export interface JwtAssertion {
  /** Its algorithm says how it signs: RSA (2048 bits at least), P-256, P-384, P-521 or Ed25519. */
  readonly key: PrivateKey
  /** Who says it (the client). */
  readonly issuer?: string | undefined
  /** In whose name the token is to be (the issuer's own); false where the server wants that unsaid, as Google does. */
  readonly subject?: string | false | undefined
  /** Whom it is said to (the issuer of the authorization server). */
  readonly audience?: string | ReadonlyArray<string> | undefined
  /** Further claims, as JSON: Google's service accounts name the scopes here (`scope`). They change none of the others. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/** Time enough for a request, and none for anybody else. */
const lifeSeconds = 60

type Names = Readonly<Record<string, string>>

const byHash = (prefix: string): Names => ({
  "SHA-256": `${prefix}256`,
  "SHA-384": `${prefix}384`,
  "SHA-512": `${prefix}512`
})

const byCurve: Names = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" }

/** The algorithms by the name of a key's, and by its hash or its curve. */
const algorithms: Readonly<Record<string, Names>> = {
  "RSASSA-PKCS1-v1_5": byHash("RS"),
  "RSA-PSS": byHash("PS"),
  ECDSA: byCurve,
  Ed25519: { "": "Ed25519" }
}

const algorithmOf = ({ algorithm }: CryptoKey): string => {
  // A key of WebCrypto has these where its algorithm takes one; reading what another has not gives undefined.
  const { hash, name, namedCurve } = algorithm as KeyAlgorithm & Partial<RsaHashedKeyAlgorithm & EcKeyAlgorithm>
  const alg = algorithms[name]?.[hash?.name ?? namedCurve ?? ""]
  if (alg === undefined) throw new Error("no algorithm for such a key")
  return alg
}

const unsigned = new InvalidRequest({
  reason: "Credentials",
  detail:
    "no assertion can be made: use a private key of WebCrypto that may sign (RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519), and claims that are JSON"
})

/** Whom an assertion is by and for, where it is not said otherwise, and when it is made: in epoch seconds. */
export interface Circumstances {
  readonly client: string
  readonly server: string
  readonly now: number
}

/** Makes an assertion, which differs from every other. */
export const make = (
  { audience, claims, issuer, key: { key, kid }, subject }: JwtAssertion,
  { client, now, server }: Circumstances
): Effect.Effect<Redacted.Redacted<string>, InvalidRequest> => {
  const iss = issuer ?? client
  const times = { iat: now, nbf: now, exp: now + lifeSeconds }
  const aud = typeof audience === "object" ? [...audience] : (audience ?? server)
  const sub = subject === false ? undefined : (subject ?? iss)
  const said = { ...claims, iss, ...(sub !== undefined && { sub }), aud, ...times }
  return Effect.tryPromise({
    try: async () => {
      const jwt = new jose.SignJWT({ ...said, jti: globalThis.crypto.randomUUID() })
      const header = { alg: algorithmOf(key), typ: "JWT", ...(kid !== undefined && { kid }) }
      return Redacted.make(await jwt.setProtectedHeader(header).sign(key))
    },
    catch: () => unsigned
  })
}
