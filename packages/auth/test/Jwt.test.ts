import * as Jwks from "@countersign/auth/Jwks"
import * as Jwt from "@countersign/auth/Jwt"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"
import { createHmac } from "node:crypto"
import { allRenderings } from "./support/allRenderings.js"

const issuer = "https://auth.test"
const audience = "https://api.test"

/** 2001-09-09 in epoch seconds, the time of the test clock. */
const now = 1_000_000_000

const claims = { iss: issuer, aud: audience, sub: "canary-sub", iat: now, exp: now + 60 }

const keyPair = (alg: Jwt.Algorithm) => Effect.promise(() => jose.generateKeyPair(alg, { extractable: true }))

/** The RSA keys of the issuer and of an attacker, cached because they are slow to generate. */
const rsa = Effect.runSync(Effect.cached(Effect.all({ own: keyPair("RS256"), mallory: keyPair("RS256") })))

const signedWith = (key: CryptoKey, payload: object, header: object = {}) =>
  Effect.promise(() =>
    new jose.CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader({ alg: "ES256", ...header })
      .sign(key)
  )

const part = (text: string) => Buffer.from(text).toString("base64url")

const atNow = TestClock.setTime(now * 1000)

/** Verifies a token with these claims and this header. */
const judged = (payload: object, header: object = {}, options: Partial<Jwt.Options> = {}) =>
  Effect.gen(function* () {
    yield* atNow
    const { privateKey, publicKey } = yield* keyPair("ES256")
    const token = yield* signedWith(privateKey, { ...claims, ...payload }, header)
    return yield* Effect.either(
      Jwt.verify(token, { issuer, audience, algorithms: ["ES256"], keys: publicKey, ...options })
    )
  })

const refusedFor = (reason: Jwt.JwtReason, claim?: string) =>
  Either.left(expect.objectContaining(claim === undefined ? { reason } : { reason, claim }))

/** RFC 7515, appendix A: the tokens of A.1 to A.3, with the keys that they were signed with. */
const published = {
  HS256: [
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    {
      kty: "oct",
      k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    }
  ],
  RS256: [
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    {
      kty: "RSA",
      n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
      e: "AQAB"
    }
  ],
  ES256: [
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    }
  ]
} as const

const hmac = { name: "HMAC", hash: "SHA-256" }

const imported = async (jwk: jose.JWK, alg: string): Promise<CryptoKey> => {
  const key = await jose.importJWK(jwk, alg)
  return key instanceof CryptoKey ? key : crypto.subtle.importKey("raw", key.slice(), hmac, false, ["verify"])
}

describe("published tokens", () => {
  it.effect.each(Object.entries(published))("decodes and verifies the %s example of RFC 7515", ([alg, [token, jwk]]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_300_819_000_000)
      const decoded = yield* Jwt.decode(token)
      expect(decoded.header).toMatchObject({ alg })
      expect(decoded.claims).toEqual({ iss: "joe", exp: 1300819380, "http://example.com/is_root": true })
      const key = yield* Effect.promise(() => imported(jwk, alg))
      // The examples have no `aud`, which is required, and which is checked after the signature.
      const algorithms = [alg as Jwt.Algorithm]
      const verify = (text: string) => Effect.flip(Jwt.verify(text, { issuer: "joe", audience, algorithms, keys: key }))
      expect(yield* verify(token)).toMatchObject({ reason: "Audience" })
      expect(yield* verify(`${token.slice(0, -8)}AAAAAAAA`)).toMatchObject({ reason: "Signature" })
    })
  )

  it("decodes a token without a signature (RFC 7519 §6.1)", () => {
    const token =
      "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    expect(Effect.runSync(Jwt.decode(token)).header).toEqual({ alg: "none" })
    expect(Jwt.expiresAt(token)).toEqual(Option.some(1_300_819_380_000))
  })
})

describe("Jwt.verify", () => {
  it.effect("returns header and claims of a valid token", () =>
    Effect.gen(function* () {
      expect(yield* judged({}, { typ: "at+jwt" }, { typ: "at+jwt", maxAge: "1 minute" })).toEqual(
        Either.right({ header: { alg: "ES256", typ: "at+jwt" }, claims })
      )
    })
  )

  it.effect.each<readonly [string, object, Partial<Jwt.Options>]>([
    ["accepts a token for one of several audiences", { aud: ["https://other.test", audience] }, {}],
    ["accepts a token of one of several issuers", {}, { issuer: ["https://other.test", issuer] }],
    ["accepts an expired token within the clock tolerance", { exp: now - 29 }, {}],
    ["accepts nbf in the future within the clock tolerance", { nbf: now + 30 }, {}],
    ["accepts a token without exp when required is empty", { exp: undefined }, { required: [] }]
  ])("%s", ([_, payload, options]) =>
    Effect.gen(function* () {
      expect(yield* judged(payload, {}, options)).toMatchObject({ _tag: "Right" })
    })
  )
})

describe("Jwt.verify", () => {
  it.effect.each<readonly [string, object, object, Partial<Jwt.Options>, Jwt.JwtReason]>([
    ["rejects a token of another issuer", { iss: "https://evil.test" }, {}, {}, "Issuer"],
    ["rejects iss with a trailing slash", { iss: `${issuer}/` }, {}, {}, "Issuer"],
    ["rejects a token without iss", { iss: undefined }, {}, {}, "Issuer"],
    ["rejects a list as iss", { iss: [issuer] }, {}, {}, "Issuer"],
    ["rejects a token for another audience", { aud: "https://other.test" }, {}, {}, "Audience"],
    ["rejects a token without aud", { aud: undefined }, {}, {}, "Audience"],
    ["rejects an audience of which only the beginning matches", { aud: `${audience}.evil.test` }, {}, {}, "Audience"],
    ["rejects a token when exp and the clock tolerance have passed", { exp: now - 30 }, {}, {}, "Expired"],
    ["rejects a token at its exp with clockTolerance 0", { exp: now }, {}, { clockTolerance: 0 }, "Expired"],
    ["rejects a string as exp", { exp: String(now + 60) }, {}, {}, "Claim"],
    ["rejects exp null", { exp: null }, {}, {}, "Claim"],
    ["rejects a token without exp", { exp: undefined }, {}, {}, "Claim"],
    ["rejects nbf beyond the clock tolerance", { nbf: now + 31 }, {}, {}, "NotYetValid"],
    ["rejects a string as nbf", { nbf: "0" }, {}, {}, "Claim"],
    ["rejects a token older than maxAge", { iat: now - 91 }, {}, { maxAge: "1 minute" }, "Expired"],
    ["rejects iat in the future when maxAge is set", { iat: now + 31 }, {}, { maxAge: "1 minute" }, "NotYetValid"],
    ["rejects a token without iat when maxAge is set", { iat: undefined }, {}, { maxAge: "1 minute" }, "Claim"],
    ["rejects another typ", {}, { typ: "JWT" }, { typ: "at+jwt" }, "Claim"],
    ["rejects a token without typ", {}, {}, { typ: "at+jwt" }, "Claim"],
    ["rejects a token without a required claim", {}, {}, { required: ["exp", "jti"] }, "Claim"],
    ["rejects an algorithm that is not in algorithms", {}, {}, { algorithms: ["RS256", "EdDSA"] }, "Algorithm"],
    ["rejects every algorithm when algorithms is empty", {}, {}, { algorithms: [] }, "Algorithm"],
    ["rejects an algorithm of another curve than the key's", {}, {}, { algorithms: ["ES256", "ES384"] }, "Key"]
  ])("%s", ([_, payload, header, options, reason]) =>
    Effect.gen(function* () {
      const other = reason === "Key" ? { keys: (yield* keyPair("ES384")).publicKey } : {}
      const result = yield* judged(payload, header, { ...options, ...other })
      expect(result).toEqual(refusedFor(reason))
      expect(allRenderings(result)).not.toContain("canary")
    })
  )

  it.effect("rejects a token signed by another key", () =>
    Effect.gen(function* () {
      const { publicKey } = yield* keyPair("ES256")
      expect(yield* judged({}, {}, { keys: publicKey })).toEqual(refusedFor("Signature"))
    })
  )

  it.effect("rejects an infinite exp", () =>
    Effect.gen(function* () {
      yield* atNow
      const { privateKey, publicKey } = yield* keyPair("ES256")
      const text = JSON.stringify(claims).replace(String(claims.exp), "1e999")
      const token = yield* Effect.promise(() =>
        new jose.CompactSign(new TextEncoder().encode(text)).setProtectedHeader({ alg: "ES256" }).sign(privateKey)
      )
      const options = { issuer, audience, algorithms: ["ES256"], keys: publicKey } as const
      expect(yield* Effect.either(Jwt.verify(token, options))).toEqual(refusedFor("Claim", "exp"))
      expect(Jwt.expiresAt(token)).toEqual(Option.none())
    })
  )
})

describe("Jwt.verify under attack", () => {
  const attacked = (
    make: (keys: { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }) => Promise<string>,
    options: Partial<Jwt.Options> = {}
  ) =>
    Effect.gen(function* () {
      yield* atNow
      const { own } = yield* rsa
      const token = yield* Effect.promise(() => make(own))
      const result = yield* Effect.either(
        Jwt.verify(token, { issuer, audience, algorithms: ["RS256"], keys: own.publicKey, ...options })
      )
      if (Either.isLeft(result)) expect(allRenderings(result)).not.toContain("canary")
      return result
    })

  const unsigned = (alg: string, signature = "") =>
    Promise.resolve(`${part(JSON.stringify({ alg }))}.${part(JSON.stringify(claims))}.${signature}`)

  it.effect.each(["none", "None", "NONE", "nOnE", ""])("rejects alg %j, with and without a signature", (alg) =>
    Effect.gen(function* () {
      const named: Partial<Jwt.Options> = { algorithms: ["RS256", alg as Jwt.Algorithm] }
      for (const signature of ["", "AAAA"]) {
        expect(yield* attacked(() => unsigned(alg, signature))).toEqual(refusedFor("Algorithm"))
        // The token is rejected even when `algorithms` has this value.
        expect((yield* attacked(() => unsigned(alg, signature), named))._tag).toBe("Left")
      }
    })
  )

  const confused = async ({ publicKey }: { readonly publicKey: CryptoKey }) => {
    const input = `${part(JSON.stringify({ alg: "HS256" }))}.${part(JSON.stringify(claims))}`
    return `${input}.${createHmac("sha256", await jose.exportSPKI(publicKey))
      .update(input)
      .digest("base64url")}`
  }

  it.effect("rejects an HMAC by the public RSA key, even when both algorithms are allowed", () =>
    Effect.gen(function* () {
      expect(yield* attacked(confused)).toEqual(refusedFor("Algorithm"))
      expect(yield* attacked(confused, { algorithms: ["RS256", "HS256"] })).toEqual(refusedFor("Key"))
    })
  )

  it.effect("rejects an HMAC by a public RSA key of a JWK Set", () =>
    Effect.gen(function* () {
      const { own } = yield* rsa
      const jwk = yield* Effect.promise(() => jose.exportJWK(own.publicKey))
      const keys = yield* Jwks.fromJson(JSON.stringify({ keys: [jwk, { kty: "oct", k: "c2VjcmV0" }] }))
      const options = { algorithms: ["RS256", "HS256"], keys } as const
      expect(yield* attacked(confused, options)).toEqual(refusedFor("Key"))
    })
  )

  const signing =
    (header: object, body = JSON.stringify(claims)) =>
    ({ privateKey }: { readonly privateKey: CryptoKey }) =>
      new jose.CompactSign(new TextEncoder().encode(body))
        .setProtectedHeader({ alg: "RS256", ...header })
        .sign(privateKey, { crit: { x: true, b64: true } })

  it.effect.each<readonly [string, object]>([
    ["an unknown extension", { crit: ["x"], x: 1 }],
    ["an extension that jose supports", { crit: ["b64"], b64: true }]
  ])("rejects crit with %s", ([_, header]) =>
    Effect.gen(function* () {
      expect(yield* attacked(signing(header))).toEqual(refusedFor("Malformed"))
    })
  )

  it.effect("rejects crit that is empty, no list, or b64", () =>
    Effect.gen(function* () {
      for (const crit of [[], "x", null, ["b64"]]) {
        const header = part(JSON.stringify({ alg: "RS256", crit, b64: false }))
        const token = `${header}.${part(JSON.stringify(claims))}.AAAA`
        expect(yield* attacked(() => Promise.resolve(token))).toEqual(refusedFor("Malformed"))
      }
    })
  )

  it.effect("ignores keys and key URLs in the token's header", () =>
    Effect.gen(function* () {
      const { mallory } = yield* rsa
      const jwk = yield* Effect.promise(() => jose.exportJWK(mallory.publicKey))
      const elsewhere = "https://evil.test/keys"
      for (const header of [{ jwk }, { jku: elsewhere }, { x5u: elsewhere }, { x5c: ["AAAA"] }, { kid: elsewhere }]) {
        expect(yield* attacked(() => signing(header)(mallory))).toEqual(refusedFor("Signature"))
      }
    })
  )

  it.effect("rejects a kid that is a path, a property name, or no string", () =>
    Effect.gen(function* () {
      const { mallory, own } = yield* rsa
      const jwk = yield* Effect.promise(() => jose.exportJWK(own.publicKey))
      const keys = yield* Jwks.fromJson(JSON.stringify({ keys: [{ ...jwk, kid: "k1" }] }))
      for (const kid of ["../../dev/null", "/dev/null", "__proto__", "constructor", "k1' OR '1'='1", "K1", ""]) {
        expect(yield* attacked(() => signing({ kid })(mallory), { keys })).toEqual(refusedFor("Key"))
      }
      for (const kid of [1, null, ["k1"], {}]) {
        const header = part(JSON.stringify({ alg: "RS256", kid }))
        const token = `${header}.${part(JSON.stringify(claims))}.AAAA`
        expect(yield* attacked(() => Promise.resolve(token), { keys })).toEqual(refusedFor("Malformed"))
      }
    })
  )

  it.effect("rejects an encrypted token", () =>
    Effect.gen(function* () {
      const encrypted = ({ publicKey }: { readonly publicKey: CryptoKey }) =>
        jose
          .exportJWK(publicKey)
          .then((jwk) => jose.importJWK(jwk, "RSA-OAEP-256"))
          .then((key) =>
            new jose.EncryptJWT(claims).setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM" }).encrypt(key)
          )
      expect(yield* attacked(encrypted)).toEqual(refusedFor("Malformed"))
    })
  )

  it.effect("uses the last value of a duplicate claim or algorithm", () =>
    Effect.gen(function* () {
      const twice = (first: object, last: object) =>
        `${JSON.stringify({ ...claims, ...first }).slice(0, -1)},${JSON.stringify(last).slice(1)}`
      const good = { exp: claims.exp, iss: issuer, aud: audience }
      const bad = { exp: now - 60, iss: "https://evil.test", aud: "https://other.test" }
      const judgedTwice = (first: object, last: object) => attacked(signing({}, twice(first, last)))
      expect(yield* judgedTwice(good, { exp: bad.exp })).toEqual(refusedFor("Expired"))
      expect(yield* judgedTwice(good, { iss: bad.iss })).toEqual(refusedFor("Issuer"))
      expect(yield* judgedTwice(good, { aud: bad.aud })).toEqual(refusedFor("Audience"))
      expect((yield* judgedTwice(bad, good))._tag).toBe("Right")
      const header = part('{"alg":"RS256","alg":"none"}')
      const token = `${header}.${part(JSON.stringify(claims))}.`
      expect(yield* attacked(() => Promise.resolve(token))).toEqual(refusedFor("Algorithm"))
    })
  )

  it.effect("rejects tokens that are too long, malformed or deeply nested", () =>
    Effect.gen(function* () {
      const nested = `{"a":${"[".repeat(30_000)}${"]".repeat(30_000)}}`.slice(0, 45_000)
      const header = part('{"alg":"RS256"}')
      for (const token of [
        "a".repeat(1 << 20),
        `${header}.${"a".repeat(1 << 20)}.AAAA`,
        ".".repeat(1000),
        "",
        "..",
        "a.b.c",
        `${header}.${part(nested)}.AAAA`,
        `${header}.${part("[]")}.AAAA`,
        `${header}.${part("null")}.AAAA`,
        `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString("base64url")}.AAAA`,
        `${header} .${part("{}")}.AAAA`,
        `${header}.${part("{}")}.A=\n`
      ]) {
        expect(yield* attacked(() => Promise.resolve(token))).toEqual(refusedFor("Malformed"))
      }
    })
  )

  it.effect("rejects a valid token that is too long", () =>
    Effect.gen(function* () {
      const long = (length: number) => attacked(signing({}, JSON.stringify({ ...claims, more: "a".repeat(length) })))
      expect((yield* long(45_000))._tag).toBe("Right")
      expect(yield* long(1 << 20)).toEqual(refusedFor("Malformed"))
    })
  )

  it.effect("rejects an RSA key of 1024 bits", () =>
    Effect.gen(function* () {
      const short = yield* Effect.promise(() =>
        crypto.subtle.generateKey(
          {
            name: "RSASSA-PKCS1-v1_5",
            modulusLength: 1024,
            publicExponent: new Uint8Array([1, 0, 1]),
            hash: "SHA-256"
          },
          true,
          ["sign", "verify"]
        )
      )
      expect(yield* attacked(() => unsigned("RS256", "AAAA"), { keys: short.publicKey })).toEqual(refusedFor("Key"))
    })
  )

  it.effect("rejects an HMAC key that is shorter than its hash, and accepts one of the same length", () =>
    Effect.gen(function* () {
      yield* atNow
      for (const [alg, hash, octets] of [
        ["HS256", "SHA-256", 32],
        ["HS384", "SHA-384", 48],
        ["HS512", "SHA-512", 64]
      ] as const) {
        const verified = (length: number) =>
          Effect.gen(function* () {
            const secret = new Uint8Array(length).fill(7)
            const key = yield* Effect.promise(() =>
              crypto.subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["verify"])
            )
            const input = `${part(JSON.stringify({ alg }))}.${part(JSON.stringify(claims))}`
            const signature = createHmac(hash.replace("-", ""), secret).update(input).digest("base64url")
            const options = { issuer, audience, algorithms: [alg], keys: key }
            return yield* Effect.either(Jwt.verify(`${input}.${signature}`, options))
          })
        expect(yield* verified(octets - 1), alg).toEqual(refusedFor("Key"))
        expect(Either.isRight(yield* verified(octets)), alg).toBe(true)
      }
    })
  )

  it.effect("rejects an RSA key with public exponent 1", () =>
    Effect.gen(function* () {
      const { own } = yield* rsa
      const jwk = yield* Effect.promise(() => jose.exportJWK(own.publicKey))
      const key = yield* Effect.promise(() =>
        crypto.subtle.importKey(
          "jwk",
          { kty: "RSA", n: jwk.n ?? "", e: "AQ" },
          { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
          false,
          ["verify"]
        )
      )
      expect(yield* attacked(() => unsigned("RS256", "AAAA"), { keys: key })).toEqual(
        Either.left(expect.objectContaining({ reason: "Key", detail: expect.stringContaining("exponent") }))
      )
    })
  )
})

describe("Jwt.decode", () => {
  it("rejects parts that are no UTF-8 or no base64url", () => {
    const bytes = (text: string, byte: number) => Buffer.from([...Buffer.from(text), byte]).toString("base64url")
    for (const text of [
      `${part("{}")}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64url")}.AAAA`,
      `${bytes("{}", 0xff)}.${part("{}")}.AAAA`,
      `${part("{}")}.${part("{}")}.AA==`,
      `${part("{}")}.${part("{}")}.A A`,
      `${part("{}")}=.${part("{}")}.AAAA`
    ]) {
      expect(Effect.runSync(Effect.either(Jwt.decode(text)))).toEqual(refusedFor("Malformed"))
    }
  })

  it("decodes any text, or fails with Malformed", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.base64String(), { maxLength: 6 }), (parts) => {
        const decoded = Effect.runSync(Effect.either(Jwt.decode(parts.join("."))))
        if (Either.isLeft(decoded)) expect(decoded.left).toMatchObject({ _tag: "JwtError", reason: "Malformed" })
        return true
      })
    )
  })

  it("returns expiresAt only when exp is in the range of dates", () => {
    const ending = (exp: unknown) => Jwt.expiresAt(Redacted.make(`${part("{}")}.${part(JSON.stringify({ exp }))}.AAAA`))
    expect(ending(1.5)).toEqual(Option.some(1500))
    for (const exp of [0, -1, "1", null, undefined, 1e300, [1]]) expect(ending(exp)).toEqual(Option.none())
    expect(Jwt.expiresAt("an opaque token")).toEqual(Option.none())
  })
})
