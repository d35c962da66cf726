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

/** A key that nothing can be verified with. */
const broken = { kty: "EC", crv: "P-256", x: "AA", y: "AA" }

interface Said {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly kid?: string
  /** Which key signs: the first one, when left out. */
  readonly by?: number
}

const sign = (nonce: string | undefined, { by = 0, claims, kid }: Said) =>
  Effect.promise(() =>
    new jose.SignJWT({ iss: issuer, sub: "ada", aud: "client", exp: 60, iat: 0, nonce, ...claims })
      .setProtectedHeader({ alg: "ES256", ...(kid !== undefined && { kid }) })
      .sign((pairs[by] ?? rsa).privateKey)
  )

const publishing = (...keys: ReadonlyArray<object>): MockClient.Step => MockClient.respond(200, { keys })

/** Signs in, and out again: how often the keys were fetched, and what came of it. */
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

describe("the key of an ID token", () => {
  it.effect.each<readonly [string, Said, ReadonlyArray<object>, object, number]>([
    ["the only one", {}, [a], ada, 1],
    ["the first of three without ids", {}, [a, b, c], ada, 1],
    ["the last of three without ids", { by: 2 }, [a, b, c], ada, 1],
    ["after one that is broken", { by: 1 }, [broken, a, b], ada, 1],
    [
      "one of two with ids, where the token names none",
      { by: 1 },
      [
        { ...a, kid: "1" },
        { ...b, kid: "2" }
      ],
      ada,
      1
    ],
    [
      "the second of two with the same id",
      { by: 1, kid: "k" },
      [
        { ...a, kid: "k" },
        { ...b, kid: "k" }
      ],
      ada,
      1
    ],
    ["without an id, where the token names one", { by: 1, kid: "k" }, [a, b], ada, 1],
    ["without an id beside another one with one", { by: 1, kid: "k" }, [{ ...a, kid: "other" }, b], ada, 1],
    ["beside keys for other uses and algorithms", {}, [r, { ...b, use: "enc" }, { ...c, alg: "ES384" }, a], ada, 1],
    [
      "for encryption",
      {},
      [
        { ...a, use: "enc" },
        { ...b, use: "enc" }
      ],
      not("no key"),
      2
    ],
    ["under another id", { kid: "k" }, [{ ...a, kid: "other" }], not("no key"), 2],
    ["none of two without ids", { by: 2 }, [a, b], not("signature"), 2],
    [
      "none of two with its id",
      { by: 2, kid: "k" },
      [
        { ...a, kid: "k" },
        { ...b, kid: "k" }
      ],
      not("signature"),
      1
    ],
    ["another one than the one that it names", { by: 1, kid: "k" }, [{ ...a, kid: "k" }, b], not("signature"), 1],
    ["beyond the ten that are tried", {}, [...Array.from({ length: 10 }, () => b), a], not("signature"), 2]
  ])("that is %s", ([_, said, keys, expected, fetches]) =>
    Effect.gen(function* () {
      const { ended, fetches: fetched } = yield* signIn(said, publishing(...keys))
      expect(ended).toMatchObject(expected)
      expect(fetched).toBe(fetches)
    })
  )

  it.effect("is found by another sign-in without fetching the keys again", () =>
    Effect.gen(function* () {
      const client = yield* signingIn()
      for (const by of [0, 1, 0]) {
        const { ended, fetches } = yield* again(client, { by }, publishing(a, b))
        expect(ended).toMatchObject(ada)
        expect(fetches).toBe(1)
      }
    })
  )

  it.effect("is fetched again where the issuer has replaced a key without an id", () =>
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

describe("the nonce of a sign-in", () => {
  it.effect.each<readonly [string, OAuth2.ComplianceFixes, unknown, boolean, object]>([
    ["is left out by a provider that drops it", {}, undefined, true, not("`complianceFixes.nonce`")],
    ["is left out, with the quirk", { nonce: false }, undefined, false, ada],
    ["is there although none was sent, with the quirk", { nonce: false }, "other", false, not("nonce")],
    ["is left out, with the quirk and without PKCE", { nonce: false, ...withoutPkce }, undefined, true, not("`nonce`")],
    ["is another one, without PKCE", { nonce: false, ...withoutPkce }, "other", true, not("nonce")],
    ["is null", {}, null, true, not("nonce")],
    ["is another one", {}, "other", true, not("nonce")]
  ])("that %s", ([_, complianceFixes, nonce, isSent, expected]) =>
    Effect.gen(function* () {
      const { ended, transaction } = yield* signIn({ claims: { nonce } }, publishing(a), complianceFixes)
      expect(new URL(transaction.url).searchParams.has("nonce")).toBe(isSent)
      expect(ended).toMatchObject(expected)
    })
  )
})

describe("an ID token for several audiences", () => {
  const several = (aud: unknown, more: object = {}): Said => ({ claims: { aud, ...more } })
  const trusting: OAuth2.ComplianceFixes = { audiences: ["project", "other"] }
  it.effect.each<readonly [string, Said, OAuth2.ComplianceFixes, object]>([
    ["without azp is rejected with advice", several(["client", "project"]), {}, not("`complianceFixes.audiences`")],
    ["that are all configured is accepted", several(["client", "project"]), trusting, ada],
    ["that are all configured is accepted in any order", several(["other", "client", "project"]), trusting, ada],
    ["of which one is not configured is rejected", several(["client", "project", "evil"]), trusting, not("audiences")],
    ["of which one is no string is rejected", several(["client", ["project"], 7]), trusting, not("audiences")],
    ["without the client is rejected", several(["project", "other"]), trusting, not("another client (aud)")],
    ["with the client as azp is accepted", several(["client", "evil"], { azp: "client" }), {}, ada],
    ["with another azp is rejected", several(["client", "project"], { azp: "project" }), trusting, not("azp")],
    ["with azp null is rejected", several(["client", "project"], { azp: null }), trusting, not("azp")],
    ["that has expired is rejected", several(["client", "project"], { exp: -31 }), trusting, not("exp")],
    [
      "of another issuer is rejected",
      several(["client", "project"], { iss: "https://evil.test" }),
      trusting,
      not("iss")
    ],
    ["of another sign-in is rejected", several(["client", "project"], { nonce: "x" }), trusting, not("nonce")],
    ["with a forged signature is rejected", { ...several(["client", "project"]), by: 1 }, trusting, not("signature")]
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

describe("a sign-in that an API demands", () => {
  it.effect.each<readonly [string, object | undefined, unknown, string | undefined]>([
    ["fills in a scope that the server leaves out", { scopes: ["write"] }, undefined, "openid read write"],
    ["keeps the scope that the server states", { scopes: ["write"] }, "openid read", "openid read"],
    ["and that is no step-up has the scope that the server states, if any", undefined, undefined, undefined]
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
