import * as Jwks from "@countersign/auth/Jwks"
import * as Jwt from "@countersign/auth/Jwt"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as jose from "jose"

const pairs = await Promise.all(["a", "b"].map(() => jose.generateKeyPair("ES256")))
const [a = {}, b = {}] = await Promise.all(pairs.map(({ publicKey }) => jose.exportJWK(publicKey)))

const signed = (by: number, kid: string | undefined) =>
  Effect.promise(() =>
    new jose.SignJWT({ iss: "https://auth.test", aud: "api", exp: 60 })
      .setProtectedHeader({ alg: "ES256", ...(kid !== undefined && { kid }) })
      .sign((pairs[by] ?? pairs[0])?.privateKey ?? new Uint8Array())
  )

const named = (kid: unknown) => ({ ...a, kid })

describe("Jwt.verify with Jwks", () => {
  it.effect.each<readonly [string, number, string | undefined, ReadonlyArray<object>, string | undefined]>([
    ["accepts a token without kid, signed by the second of two keys", 1, undefined, [a, b], undefined],
    ["accepts a token without kid, signed by a key with kid", 0, undefined, [named("k")], undefined],
    ["accepts a token with the kid of its key", 0, "k", [named("k"), b], undefined],
    ["accepts a token with kid, signed by a key without kid", 1, "k", [a, b], undefined],
    ["accepts a token with kid, signed by a key with kid null", 0, "k", [named(null)], undefined],
    [
      "accepts a token with kid, signed by a key without kid beside another kid",
      1,
      "k",
      [named("other"), b],
      undefined
    ],
    [
      "accepts a token signed by the second of two keys with its kid",
      1,
      "k",
      [named("k"), { ...b, kid: "k" }],
      undefined
    ],
    ["rejects a token with the kid of another key", 1, "k", [named("k"), b], "Signature"],
    ["rejects a token with an unknown kid", 0, "k", [named("other")], "Key"],
    ["rejects a token with kid, signed by an unknown key", 1, "k", [a], "Signature"]
  ])("%s", ([_, by, kid, keys, reason]) =>
    Effect.gen(function* () {
      const jwks = yield* Jwks.fromJson(JSON.stringify({ keys }))
      const options = { issuer: "https://auth.test", audience: "api", algorithms: ["ES256"], keys: jwks } as const
      const verdict = yield* Effect.either(Jwt.verify(yield* signed(by, kid), options))
      expect(Either.isLeft(verdict) ? verdict.left.reason : undefined).toBe(reason)
    })
  )
})
