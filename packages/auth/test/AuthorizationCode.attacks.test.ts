import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { issuer } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { runPendingWork } from "./support/pendingWork.js"
import type { ResponseOverrides } from "./support/signIn.js"
import { answerOf, callbackOf, redirectUri, signedIn, signingIn } from "./support/signIn.js"

const { respond } = MockClient

type Changed = Readonly<Record<string, string | undefined>>

/** The error that rejects a callback. No code was sent to the token endpoint. */
const refusedOn = (callback: (transaction: AuthorizationCode.Transaction) => string | URLSearchParams) =>
  Effect.gen(function* () {
    const { complete, posts, transaction } = yield* signedIn()
    const error = yield* Effect.flip(complete(transaction, callback(transaction)))
    expect(yield* posts).toEqual([])
    return error
  })

describe("authorization response", () => {
  it.effect.each<readonly [string, Changed, string]>([
    ["another state", { state: "a".repeat(43) }, "state"],
    ["a state of another length", { state: "a" }, "state"],
    ["no state", { state: undefined }, "state"],
    ["another issuer", { iss: "https://evil.test" }, "iss"],
    ["an issuer with a trailing slash", { iss: `${issuer}/` }, "iss"],
    ["an empty issuer", { iss: "" }, "iss"],
    ["no issuer, although the metadata announce it", { iss: undefined }, "iss"],
    ["no code", { code: undefined }, "code"],
    ["an empty code", { code: "" }, "code"]
  ])("rejects a callback with %s, and sends no code", ([_, changed, named]) =>
    Effect.gen(function* () {
      const error = yield* refusedOn((transaction) => callbackOf(transaction, changed))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(error.detail).toContain(named)
      expect(allRenderings(error)).not.toContain("evil")
    })
  )

  it.effect.each(["state", "iss", "code", "error"])("rejects a callback with two %s parameters", (name) =>
    Effect.gen(function* () {
      const error = yield* refusedOn((transaction) => {
        const url = callbackOf(transaction, { error: name === "error" ? "a" : undefined })
        return `${url}&${name}=x`
      })
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(error.detail).toContain("more than once")
    })
  )

  it.effect.each([
    "https://app.test/callback/",
    "https://app.test/callback/../callback",
    "https://app.test/Callback",
    "https://app.test:443/callback",
    "https://app.test.evil.test/callback",
    "http://app.test/callback",
    "https://evil.test/callback"
  ])("rejects a callback to %s, which is not the redirect URI", (at) =>
    Effect.gen(function* () {
      const error = yield* refusedOn(({ state }) => `${at}?code=c&iss=${encodeURIComponent(issuer)}&state=${state}`)
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(error.detail).toContain("redirect URI")
    })
  )

  it.effect("accepts a redirect URI without a path, to which a browser adds a slash", () =>
    Effect.gen(function* () {
      const { complete, transaction } = yield* signedIn({}, { redirectUri: "https://app.test" })
      const result = yield* complete(transaction, callbackOf(transaction, {}, "https://app.test/"))
      expect(result.claims?.sub).toBe("ada")
    })
  )

  it.effect("requires the query of the redirect URI in the callback", () =>
    Effect.gen(function* () {
      const at = `${redirectUri}?issuer=one`
      const { complete, transaction } = yield* signedIn({}, { redirectUri: at })
      expect(yield* Effect.flip(complete(transaction, callbackOf(transaction)))).toMatchObject({
        reason: "InvalidResponse"
      })
      expect((yield* complete(transaction, callbackOf(transaction, {}, at))).claims?.sub).toBe("ada")
    })
  )

  it.effect("rejects a callback without an origin", () =>
    Effect.gen(function* () {
      expect(yield* refusedOn(() => "/callback?code=c")).toMatchObject({ reason: "InvalidResponse" })
    })
  )

  it.effect("accepts the right callback after a callback with another state", () =>
    Effect.gen(function* () {
      const { end, complete, transaction } = yield* signedIn()
      yield* Effect.flip(complete(transaction, callbackOf(transaction, { state: "another" })))
      expect((yield* end).claims?.sub).toBe("ada")
    })
  )

  it.effect("rejects a callback with an id_token parameter", () =>
    Effect.gen(function* () {
      const error = yield* refusedOn((transaction) => `${callbackOf(transaction)}&id_token=x`)
      expect(error._tag).toBe("TokenError")
    })
  )
})

describe("AuthorizationCode.Transaction", () => {
  it.effect("completes a transaction once, also when two callbacks arrive at the same time", () =>
    Effect.gen(function* () {
      const { end, posts } = yield* signedIn()
      const both = yield* Effect.all([Effect.either(end), Effect.either(end)], { concurrency: 2 })
      expect(both.map(({ _tag }) => _tag).sort()).toEqual(["Left", "Right"])
      const third = yield* Effect.flip(end)
      expect(third).toMatchObject({ reason: "ReauthorizationRequired" })
      expect(yield* posts).toEqual(["POST /token"])
    })
  )

  it.effect("rejects a transaction after its user declined", () =>
    Effect.gen(function* () {
      const { end, complete, posts, transaction } = yield* signedIn()
      yield* Effect.flip(complete(transaction, callbackOf(transaction, { code: undefined, error: "access_denied" })))
      expect(yield* Effect.flip(end)).toMatchObject({ reason: "ReauthorizationRequired" })
      expect(yield* posts).toEqual([])
    })
  )

  it.effect("expires a transaction after ten minutes", () =>
    Effect.gen(function* () {
      const early = yield* signedIn()
      yield* TestClock.adjust(599_999)
      early.answering({ "/token": yield* answerOf(early.transaction.nonce) })
      expect((yield* early.end).claims?.sub).toBe("ada")
      const late = yield* signedIn()
      yield* TestClock.adjust(600_000)
      expect(yield* Effect.flip(late.end)).toMatchObject({ reason: "ReauthorizationRequired" })
      expect(yield* late.posts).toEqual([])
    })
  )

  it.effect("rejects a transaction of another issuer, and sends no request", () =>
    Effect.gen(function* () {
      const other = yield* signingIn({ issuer: "https://evil.test" })
      const { posts, transaction } = yield* signedIn()
      expect(yield* Effect.flip(other.complete(transaction, callbackOf(transaction)))).toMatchObject({
        reason: "InvalidResponse"
      })
      expect(yield* other.mock.sent).toEqual([])
      expect(yield* posts).toEqual([])
    })
  )

  it.effect("rejects the callback of another transaction", () =>
    Effect.gen(function* () {
      const { start, complete, posts, transaction } = yield* signedIn()
      const other = yield* start()
      expect(yield* Effect.flip(complete(transaction, callbackOf(other)))).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* posts).toEqual([])
    })
  )
})

describe("OAuth error response", () => {
  const saying = (changed: Changed) =>
    refusedOn((transaction) => callbackOf(transaction, { code: undefined, ...changed }))

  it.effect.each<readonly [string, string]>([
    ["access_denied", "Rejected"],
    ["invalid_scope", "Rejected"],
    ["toString", "Rejected"],
    ["login_required", "ReauthorizationRequired"],
    ["consent_required", "ReauthorizationRequired"],
    ["temporarily_unavailable", "Unavailable"],
    ["server_error", "Unavailable"]
  ])("maps %s to the reason %s", ([error, reason]) =>
    Effect.gen(function* () {
      expect(yield* saying({ error })).toMatchObject({ _tag: "TokenError", reason, error })
    })
  )

  it.effect("removes control characters from long error texts, and shortens them", () =>
    Effect.gen(function* () {
      const error = yield* saying({
        error: `\u001b[2J${"e".repeat(1000)}`,
        error_description: `\r\n\u001b]0;pwned\u0007\u202e${"x".repeat(100_000)}`
      })
      expect(error.message.length).toBeLessThan(400)
      // The stack has line breaks, the message has none.
      expect([...error.message, ...(error.error ?? "")].every((char) => char >= " " && char !== "\u202e")).toBe(true)
    })
  )

  it.effect("ignores the error of another issuer, and does not show its text", () =>
    Effect.gen(function* () {
      const error = yield* saying({ error: "access_denied", iss: "https://evil.test", error_description: "call 555" })
      expect(error).toMatchObject({ reason: "InvalidResponse" })
      expect(allRenderings(error)).not.toContain("555")
    })
  )

  it.effect("requires a new sign-in after invalid_grant, and shows neither code nor verifier", () =>
    Effect.gen(function* () {
      const { answering, end, transaction } = yield* signedIn()
      answering({ "/token": respond(400, { error: "invalid_grant", error_description: "canary-code was used" }) })
      const error = yield* Effect.flip(end)
      expect(error).toMatchObject({ reason: "ReauthorizationRequired", error: "invalid_grant" })
      expect(allRenderings(error)).not.toContain("canary")
      expect(allRenderings(error)).not.toContain(Redacted.value(transaction.verifier))
    })
  )

  it.effect("hides the verifier when error_description repeats it", () =>
    Effect.gen(function* () {
      const { answering, end, transaction } = yield* signedIn()
      const verifier = Redacted.value(transaction.verifier)
      answering({ "/token": respond(400, { error: "invalid_request", error_description: `got ${verifier}` }) })
      const error = yield* Effect.flip(end)
      expect(error).toMatchObject({ reason: "Rejected", error: "invalid_request" })
      expect(allRenderings(error)).not.toContain(verifier)
    })
  )
})

describe("ID token of a sign-in", () => {
  it.effect.each<readonly [string, ResponseOverrides, string]>([
    ["with the nonce of another sign-in", { claims: { nonce: "another" } }, "nonce"],
    ["without a nonce", { claims: { nonce: undefined } }, "claim"],
    ["of another issuer", { claims: { iss: "https://evil.test" } }, "iss"],
    ["for another client", { claims: { aud: "another" } }, "aud"],
    ["for a second audience, without azp", { claims: { aud: ["client", "another"] } }, "aud"],
    ["with the azp of another client", { claims: { aud: ["client", "another"], azp: "another" } }, "azp"],
    ["that has expired", { claims: { exp: -31 } }, "exp"],
    ["without exp", { claims: { exp: undefined } }, "claim"],
    ["without sub", { claims: { sub: undefined } }, "claim"],
    ["signed by another key", { signedBy: "stranger" }, "signature"],
    ["with alg none", { alg: "none" }, "not signed"],
    ["signed with HS256", { alg: "HS256" }, "algorithm"],
    ["with an unknown kid", { header: { kid: "another" } }, "key"],
    ["with an unknown critical header", { header: { crit: ["urn:unknown"], "urn:unknown": 1 } }, "extension"],
    ["that is encrypted", { idToken: "a.b.c.d.e" }, "not accepted"],
    ["that is missing", { idToken: false }, "`id_token` is missing"]
  ])("rejects an ID token %s", ([_, told, why]) =>
    Effect.gen(function* () {
      const { end } = yield* signedIn(told)
      const error = yield* Effect.flip(end)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(error.detail).toContain("the ID token is invalid")
      expect(error.detail).toContain(why)
      expect(allRenderings(error)).not.toMatch(/canary|evil|ada/)
    })
  )

  it.effect.each<readonly [string, string]>([
    ["no JWT", "canary-nonsense"],
    ["three empty parts", ".."],
    ["no base64", "%.%.%"],
    ["JSON of another kind", `${btoa("[]")}.${btoa("7")}.x`]
  ])("fails with InvalidResponse when the ID token is %s", ([_, idToken]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* signedIn({ idToken })).end)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("rejects an ID token when auth_time is older than max_age, or missing", () =>
    Effect.gen(function* () {
      const parameters = { max_age: "60" }
      yield* TestClock.adjust("1 hour")
      const recent = yield* signedIn({ claims: { auth_time: 3600 - 85 } }, { parameters })
      expect((yield* recent.end).claims?.sub).toBe("ada")
      const old = yield* signedIn({ claims: { auth_time: 3600 - 95 } }, { parameters })
      expect((yield* Effect.flip(old.end)).detail).toContain("auth_time")
      const silent = yield* signedIn({}, { parameters })
      expect((yield* Effect.flip(silent.end)).detail).toContain("claim")
    })
  )

  it.effect.each([-1, 1])("validates exp by the server's clock, %i hours off", (hours) =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 day")
      const off = hours * 3_600_000
      const { end } = yield* signedIn({ ahead: off })
      expect((yield* end).claims?.exp).toBe((86_400_000 + off) / 1000 + 60)
      const ended = yield* signedIn({ ahead: off, claims: { exp: (86_400_000 + off) / 1000 - 35 } })
      expect((yield* Effect.flip(ended.end)).detail).toContain("exp")
    })
  )

  it.effect.each<readonly [string, MockClient.Step, string]>([
    ["exceeds the size limit", respond(200, `{"keys":[${'{"kty":"EC"},'.repeat(900_000)}{}]}`), "Unavailable"],
    ["is HTML", respond(200, "<html>", { "content-type": "text/html" }), "Unavailable"],
    ["has no list of keys", respond(200, { keys: 7 }), "InvalidResponse"],
    ["has an incomplete key", respond(200, { keys: [{ kty: "EC", crv: "P-256", kid: "k" }] }), "InvalidResponse"]
  ])("fails with a TokenError when the JWK Set %s", ([_, step, reason]) =>
    Effect.gen(function* () {
      const client = yield* signedIn()
      client.answering({ "/jwks": step })
      const fiber = yield* Effect.fork(Effect.flip(client.end))
      for (let turn = 0; turn < 20; turn++) {
        yield* runPendingWork(5)
        yield* TestClock.adjust("1 second")
      }
      expect(yield* fiber).toMatchObject({ _tag: "TokenError", reason })
    })
  )
})
