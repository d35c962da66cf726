import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as jose from "jose"
import { issuer } from "./support/oauth.js"
import { callbackOf, signingIn } from "./support/signIn.js"

const pairs = await Promise.all(["a", "b", "c"].map(() => jose.generateKeyPair("ES256")))
const rsa = await jose.generateKeyPair("RS256")
const public_ = await Promise.all([...pairs, rsa].map(({ publicKey }) => jose.exportJWK(publicKey)))
const [a = {}, b = {}, c = {}, r = {}] = public_

/** A malformed key, which verifies no signature. */
const broken = { kty: "EC", crv: "P-256", x: "AA", y: "AA" }

interface Said {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly kid?: string
  /** Index of the signing key, 0 by default. */
  readonly by?: number
}

const sign = (nonce: string | undefined, { by = 0, claims, kid }: Said) =>
  Effect.promise(() =>
    new jose.SignJWT({ iss: issuer, sub: "ada", aud: "client", exp: 60, iat: 0, nonce, ...claims })
      .setProtectedHeader({ alg: "ES256", ...(kid !== undefined && { kid }) })
      .sign((pairs[by] ?? rsa).privateKey)
  )

const publishing = (...keys: ReadonlyArray<object>): MockClient.Step => MockClient.respond(200, { keys })

/** Completes a sign-in, and returns its outcome and the number of JWK Set requests. */
const signIn = (said: Said, keys: MockClient.Step, complianceFixes: OAuth2.ComplianceFixes = {}) =>
  Effect.gen(function* () {
    const client = yield* signingIn({ complianceFixes })
    return yield* again(client, said, keys)
  })

type Client = Effect.Effect.Success<ReturnType<typeof signingIn>>

const again = ({ answering, start, complete, mock }: Client, said: Said, keys: MockClient.Step) =>
  Effect.gen(function* () {
    const transaction = yield* start()
    const idToken = yield* sign(transaction.nonce, said)
    const body = { access_token: "canary-access", token_type: "bearer", expires_in: 60, id_token: idToken }
    answering({ "/token": MockClient.respond(200, body), "/jwks": keys })
    const ended = yield* Effect.either(complete(transaction, callbackOf(transaction)))
    const fetches = (yield* mock.sent).filter(({ url }) => url.endsWith("/jwks")).length
    return { ended, fetches, idToken, transaction }
  })

const ada = { _tag: "Right", right: { claims: { sub: "ada" } } }
const not = (text: string) => ({
  _tag: "Left",
  left: { reason: "InvalidResponse", detail: expect.stringContaining(text) }
})

describe("verification key of an ID token", () => {
  it.effect.each<readonly [string, Said, ReadonlyArray<object>, object, number]>([
    ["accepts the only key", {}, [a], ada, 1],
    ["accepts the first of three keys without kid", {}, [a, b, c], ada, 1],
    ["accepts the last of three keys without kid", { by: 2 }, [a, b, c], ada, 1],
    ["skips a malformed key", { by: 1 }, [broken, a, b], ada, 1],
    [
      "accepts one of two keys with kid when the token has none",
      { by: 1 },
      [
        { ...a, kid: "1" },
        { ...b, kid: "2" }
      ],
      ada,
      1
    ],
    [
      "accepts the second of two keys with the same kid",
      { by: 1, kid: "k" },
      [
        { ...a, kid: "k" },
        { ...b, kid: "k" }
      ],
      ada,
      1
    ],
    ["accepts a key without kid when the token has one", { by: 1, kid: "k" }, [a, b], ada, 1],
    [
      "accepts a key without kid beside a key with another kid",
      { by: 1, kid: "k" },
      [{ ...a, kid: "other" }, b],
      ada,
      1
    ],
    ["skips keys for other uses and algorithms", {}, [r, { ...b, use: "enc" }, { ...c, alg: "ES384" }, a], ada, 1],
    [
      "rejects a token when all keys are for encryption",
      {},
      [
        { ...a, use: "enc" },
        { ...b, use: "enc" }
      ],
      not("no key"),
      2
    ],
    ["rejects a token when the only key has another kid", { kid: "k" }, [{ ...a, kid: "other" }], not("no key"), 2],
    ["rejects the signature of a third key beside two keys without kid", { by: 2 }, [a, b], not("signature"), 2],
    [
      "rejects the signature of a third key beside two keys with the same kid",
      { by: 2, kid: "k" },
      [
        { ...a, kid: "k" },
        { ...b, kid: "k" }
      ],
      not("signature"),
      1
    ],
    [
      "rejects the signature of another key than kid names",
      { by: 1, kid: "k" },
      [{ ...a, kid: "k" }, b],
      not("signature"),
      1
    ],
    [
      "rejects the signature of the eleventh key, because ten are tried",
      {},
      [...Array.from({ length: 10 }, () => b), a],
      not("signature"),
      2
    ]
  ])("%s", ([_, said, keys, expected, fetches]) =>
    Effect.gen(function* () {
      const { ended, fetches: fetched } = yield* signIn(said, publishing(...keys))
      expect(ended).toMatchObject(expected)
      expect(fetched).toBe(fetches)
    })
  )

  it.effect("reuses the fetched keys for later sign-ins", () =>
    Effect.gen(function* () {
      const client = yield* signingIn()
      for (const by of [0, 1, 0]) {
        const { ended, fetches } = yield* again(client, { by }, publishing(a, b))
        expect(ended).toMatchObject(ada)
        expect(fetches).toBe(1)
      }
    })
  )

  it.effect("fetches the keys again after the issuer replaced a key without kid", () =>
    Effect.gen(function* () {
      const client = yield* signingIn()
      expect((yield* again(client, {}, publishing(a))).ended).toMatchObject(ada)
      const { ended, fetches } = yield* again(client, { by: 1 }, publishing(b))
      expect(ended).toMatchObject(ada)
      expect(fetches).toBe(2)
    })
  )
})

const withoutPkce = { pkce: false } as const

describe("nonce of an ID token", () => {
  it.effect.each<readonly [string, OAuth2.ComplianceFixes, unknown, boolean, object]>([
    ["rejects a missing nonce, and names complianceFixes.nonce", {}, undefined, true, not("`complianceFixes.nonce`")],
    ["accepts a missing nonce with complianceFixes.nonce false", { nonce: false }, undefined, false, ada],
    [
      "rejects a nonce that was not sent, with complianceFixes.nonce false",
      { nonce: false },
      "other",
      false,
      not("nonce")
    ],
    [
      "rejects a missing nonce with complianceFixes.nonce and pkce false",
      { nonce: false, ...withoutPkce },
      undefined,
      true,
      not("`nonce`")
    ],
    ["rejects another nonce without PKCE", { nonce: false, ...withoutPkce }, "other", true, not("nonce")],
    ["rejects the nonce null", {}, null, true, not("nonce")],
    ["rejects another nonce", {}, "other", true, not("nonce")]
  ])("%s", ([_, complianceFixes, nonce, isSent, expected]) =>
    Effect.gen(function* () {
      const { ended, transaction } = yield* signIn({ claims: { nonce } }, publishing(a), complianceFixes)
      expect(new URL(transaction.url).searchParams.has("nonce")).toBe(isSent)
      expect(ended).toMatchObject(expected)
    })
  )
})

describe("ID token with several audiences", () => {
  const several = (aud: unknown, more: object = {}): Said => ({ claims: { aud, ...more } })
  const trusting: OAuth2.ComplianceFixes = { audiences: ["project", "other"] }
  it.effect.each<readonly [string, Said, OAuth2.ComplianceFixes, object]>([
    [
      "rejects several audiences without azp, and names complianceFixes.audiences",
      several(["client", "project"]),
      {},
      not("`complianceFixes.audiences`")
    ],
    ["accepts several audiences that are all configured", several(["client", "project"]), trusting, ada],
    ["accepts configured audiences in any order", several(["other", "client", "project"]), trusting, ada],
    ["rejects an audience that is not configured", several(["client", "project", "evil"]), trusting, not("audiences")],
    ["rejects an audience that is no string", several(["client", ["project"], 7]), trusting, not("audiences")],
    ["rejects audiences without the client id", several(["project", "other"]), trusting, not("another client (`aud`)")],
    ["accepts several audiences with the client id as azp", several(["client", "evil"], { azp: "client" }), {}, ada],
    ["rejects the azp of another client", several(["client", "project"], { azp: "project" }), trusting, not("azp")],
    ["rejects the azp null", several(["client", "project"], { azp: null }), trusting, not("azp")],
    [
      "rejects an expired token with several audiences",
      several(["client", "project"], { exp: -31 }),
      trusting,
      not("exp")
    ],
    [
      "rejects the token of another issuer with several audiences",
      several(["client", "project"], { iss: "https://evil.test" }),
      trusting,
      not("iss")
    ],
    [
      "rejects another nonce with several audiences",
      several(["client", "project"], { nonce: "x" }),
      trusting,
      not("nonce")
    ],
    [
      "rejects a forged signature with several audiences",
      { ...several(["client", "project"]), by: 1 },
      trusting,
      not("signature")
    ]
  ])("%s", ([_, said, complianceFixes, expected]) =>
    Effect.gen(function* () {
      const { ended, idToken } = yield* signIn(said, publishing(a), complianceFixes)
      expect(ended).toMatchObject(expected)
      if (ended._tag === "Left") return
      const signedIn: AuthorizationCode.SignInResult = ended.right
      expect(signedIn.idToken && Redacted.value(signedIn.idToken)).toBe(idToken)
      expect(signedIn.claims).toEqual(jose.decodeJwt(idToken))
    })
  )
})

describe("step-up sign-in", () => {
  it.effect.each<readonly [string, object | undefined, unknown, string | undefined]>([
    [
      "fills in the requested scopes when the server omits scope",
      { scopes: ["write"] },
      undefined,
      "openid read write"
    ],
    ["keeps the scope of the token response", { scopes: ["write"] }, "openid read", "openid read"],
    [
      "leaves scope undefined when the server omits it and there is no step-up challenge",
      undefined,
      undefined,
      undefined
    ]
  ])("%s", ([_, demanded, scope, expected]) =>
    Effect.gen(function* () {
      const { answering, start, complete } = yield* signingIn()
      const demand = demanded && { scopes: ["write"], acrValues: [], ...demanded }
      const transaction = yield* start({}, demand)
      const idToken = yield* sign(transaction.nonce, {})
      const body = { access_token: "canary-access", token_type: "bearer", id_token: idToken, scope }
      answering({ "/token": MockClient.respond(200, body), "/jwks": publishing(a) })
      expect((yield* complete(transaction, callbackOf(transaction))).token.scope).toBe(expected)
    })
  )
})
