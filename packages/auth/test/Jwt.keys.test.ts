import * as Jwks from "@countersign/auth/Jwks"
import * as Jwt from "@countersign/auth/Jwt"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as jose from "jose"
import { generateKeyPairSync } from "node:crypto"

const issuer = "https://auth.test"
const audience = "https://api.test"

const pairOf = async (alg: string) => {
  const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await jose.exportJWK(publicKey)), kid: "k" } }
}

const rsa = await pairOf("RS256")
const ec = await pairOf("ES256")
const rsaOther = await pairOf("RS256")
const ecOther = await pairOf("ES256")
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" })

/** Keys of the same id and type that do not verify the token. */
const useless = {
  RS256: [
    ["another key", rsaOther.jwk],
    ["n is no number", { ...rsa.jwk, n: "!!" }],
    ["n is empty", { ...rsa.jwk, n: "" }],
    ["n is missing", { kty: "RSA", kid: "k", e: "AQAB" }],
    ["n is null", { ...rsa.jwk, n: null }],
    ["e is 1", { ...rsa.jwk, e: "AQ" }],
    ["1024 bits", { ...weak, kid: "k" }],
    ["a private key", { ...(await jose.exportJWK(rsaOther.privateKey)), kid: "k" }]
  ],
  ES256: [
    ["another key", ecOther.jwk],
    ["x is no number", { ...ec.jwk, x: "!!" }],
    ["a point that is not on the curve", { ...ec.jwk, y: ec.jwk.x }],
    ["y is missing", { kty: "EC", kid: "k", crv: "P-256", x: ec.jwk.x }],
    ["x is a number", { ...ec.jwk, x: 7 }]
  ]
} as const

const cases = (["RS256", "ES256"] as const).flatMap((alg) =>
  useless[alg].map(([what, key]) => [`${alg}: ${what}`, alg, key] as const)
)

const verified = (alg: "RS256" | "ES256", keys: ReadonlyArray<unknown>) =>
  Effect.gen(function* () {
    const { privateKey } = alg === "RS256" ? rsa : ec
    const token = yield* Effect.promise(() =>
      new jose.SignJWT({ sub: "ada", iss: issuer, aud: audience, iat: 0, exp: 60 })
        .setProtectedHeader({ alg, kid: "k" })
        .sign(privateKey)
    )
    const set = yield* Jwks.fromJson(JSON.stringify({ keys }))
    return yield* Effect.either(Jwt.verify(token, { issuer, audience, algorithms: [alg], keys: set }))
  })

it.effect.each(cases)(
  "verifies a token by a good key before or after a useless one of the same id: %s",
  ([_, alg, key]) =>
    Effect.gen(function* () {
      const good = alg === "RS256" ? rsa.jwk : ec.jwk
      for (const keys of [
        [key, good],
        [good, key],
        [key, key, good]
      ]) {
        expect(yield* verified(alg, keys)).toMatchObject({ _tag: "Right", right: { claims: { sub: "ada" } } })
      }
    })
)

it.effect.each(cases)("rejects a token if no key fits: %s", ([_, alg, key]) =>
  Effect.gen(function* () {
    for (const keys of [[key], [key, key]]) {
      const result = yield* verified(alg, keys)
      expect(Either.isLeft(result) && ["Key", "Signature"].includes(result.left.reason)).toBe(true)
    }
  })
)
