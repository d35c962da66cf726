import * as SignedJwt from "@countersign/auth/SignedJwt"
import * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"
import { generateKeyPairSync } from "node:crypto"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf, ok } from "./support/client.js"

const at = 1_700_000_000
const pair = await jose.generateKeyPair("ES256")
const claims = { iss: "app", aud: "api" }
const options: SignedJwt.Options = { key: { key: pair.privateKey, kid: "k1" }, claims }

const tokensOf = (mock: Effect.Effect.Success<ReturnType<typeof clientOf>>["mock"]) =>
  Effect.map(mock.sent, (sent) => sent.map(({ headers }) => headers["authorization"]?.slice("Bearer ".length) ?? ""))

/** The verified claims and header of a JWT. The test checks the times itself. */
const verified = (jwt = "", key: CryptoKey = pair.publicKey, now = at) =>
  Effect.promise(() => jose.jwtVerify(jwt, key, { currentDate: new Date(now * 1000) }))

/** Signatures are made by WebCrypto, which does not depend on the test clock. */
const settle = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))

const started = (script: MockClient.Script, changes: Partial<SignedJwt.Options> = {}) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(at * 1000)
    const { api, mock } = yield* clientOf(yield* SignedJwt.make({ ...options, ...changes }), script)
    return { api, mock, tokens: tokensOf(mock) }
  })

describe("SignedJwt.make", () => {
  it.effect("sends a JWT that jose verifies, with the claims, the key id and the times", () =>
    Effect.gen(function* () {
      const { api, tokens } = yield* started(() => ok, { backdate: "30 seconds", header: { typ: "at+jwt" } })
      yield* api.get("/")
      const { payload, protectedHeader } = yield* verified((yield* tokens)[0])
      expect(payload).toEqual({ iss: "app", aud: "api", iat: at - 30, exp: at + 600 })
      expect(protectedHeader).toEqual({ alg: "ES256", typ: "at+jwt", kid: "k1" })
    })
  )

  it.effect.each(["RS256", "PS256", "ES384", "EdDSA"])("signs with a key for %s", (alg) =>
    Effect.gen(function* () {
      const { privateKey, publicKey } = yield* Effect.promise(() => jose.generateKeyPair(alg))
      const { api, tokens } = yield* started(() => ok, { key: { key: privateKey }, header: { alg } })
      yield* api.get("/")
      const { protectedHeader } = yield* verified((yield* tokens)[0], publicKey)
      expect(protectedHeader).toEqual({ alg, typ: "JWT" })
    })
  )

  it.effect("signs once for 1000 concurrent calls in each period", () =>
    Effect.gen(function* () {
      const { api, tokens } = yield* started(() => ok)
      const calls = Effect.all(
        Array.from({ length: 500 }, () => api.get("/")),
        { concurrency: "unbounded" }
      )
      yield* calls
      yield* TestClock.adjust("539 seconds")
      yield* calls
      expect(new Set(yield* tokens).size).toBe(1)
      yield* TestClock.adjust("1 seconds")
      yield* calls
      const [first, second, ...others] = new Set(yield* tokens)
      expect(others).toEqual([])
      expect((yield* verified(first)).payload.iat).toBe(at)
      expect((yield* verified(second)).payload.iat).toBe(at + 540)
    })
  )

  it.effect("signs again when the clock was set back", () =>
    Effect.gen(function* () {
      const { api, tokens } = yield* started(() => ok)
      yield* api.get("/")
      yield* TestClock.setTime((at - 3600) * 1000)
      yield* api.get("/")
      expect((yield* verified((yield* tokens)[1], pair.publicKey, at - 3600)).payload.iat).toBe(at - 3600)
    })
  )

  it.effect("corrects the time after a 401 with another Date, and sends the request again", () =>
    Effect.gen(function* () {
      const serverNow = at - 300
      const { api, mock, tokens } = yield* started(({ headers }) => {
        const { iat = 0 } = jose.decodeJwt(headers["authorization"]?.slice(7) ?? "")
        return iat > serverNow ? MockClient.respond(401, "", { date: HttpDate.format(serverNow * 1000) }) : ok
      })
      yield* api.get("/")
      yield* api.get("/")
      const times = (yield* tokens).map((jwt) => jose.decodeJwt(jwt).iat)
      expect(times).toEqual([at, serverNow, serverNow])
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.effect("corrects the time once for 20 concurrent rejections", () =>
    Effect.gen(function* () {
      const date = HttpDate.format((at + 100) * 1000)
      const { api, tokens } = yield* started(({ headers }) =>
        MockClient.delay(
          "1 seconds",
          jose.decodeJwt(headers["authorization"]?.slice(7) ?? "").iat === at
            ? MockClient.respond(401, "", { date })
            : ok
        )
      )
      const calls = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 20 }, () => api.get("/")),
          { concurrency: "unbounded" }
        )
      )
      for (let n = 0; n < 3; n++) {
        yield* settle
        yield* TestClock.adjust("1 seconds")
      }
      yield* Fiber.join(calls)
      expect(new Set(yield* tokens).size).toBe(2)
      expect(yield* tokens).toHaveLength(40)
    })
  )

  it.effect("fails with Unauthorized after one request if the clock is right and the JWT is new", () =>
    Effect.gen(function* () {
      const date = HttpDate.format(at * 1000)
      const { api, mock } = yield* started(() => MockClient.respond(401, "", { date }))
      const error = yield* Effect.flip(api.get("/"))
      expect(error._tag).toBe("Unauthorized")
      expect(yield* mock.sent).toHaveLength(1)
      const [jwt = ""] = yield* tokensOf(mock)
      expect(allRenderings(error)).not.toContain(jwt)
    })
  )

  it.effect("replaces a rejected JWT that is older than minAge, once", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* started(() => MockClient.respond(401), { minAge: "2 minutes" })
      yield* Effect.flip(api.get("/"))
      yield* TestClock.adjust("119 seconds")
      yield* Effect.flip(api.get("/"))
      expect(yield* mock.sent).toHaveLength(2)
      yield* TestClock.adjust("1 seconds")
      yield* Effect.flip(api.get("/"))
      expect(yield* mock.sent).toHaveLength(4)
    })
  )

  it.effect("fails with InvalidRequest for a public key, and for claims that are no JSON", () =>
    Effect.gen(function* () {
      for (const changes of [{ key: { key: pair.publicKey } }, { claims: { n: 1n } }]) {
        const { api, mock } = yield* started(() => ok, changes)
        const error = yield* Effect.flip(api.get("/"))
        expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
        expect(yield* mock.sent).toEqual([])
        const built = yield* Effect.flip(Effect.provide(Auth.Auth, SignedJwt.layer({ ...options, ...changes })))
        expect(built).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      }
      expectTypeOf(SignedJwt.layer).returns.toEqualTypeOf<Layer.Layer<Auth.Auth, InvalidRequest>>()
      expectTypeOf(SignedJwt.make).returns.toEqualTypeOf<Effect.Effect<Auth.Service>>()
    })
  )
})

describe("SignedJwt presets", () => {
  const send = (preset: SignedJwt.Options, publicKey: CryptoKey) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at * 1000)
      const { api, mock } = yield* clientOf(yield* SignedJwt.make(preset), () => ok)
      yield* api.get("/")
      const now = (yield* Clock.currentTimeMillis) / 1000
      const [jwt] = yield* tokensOf(mock)
      const { payload, protectedHeader } = yield* verified(jwt, publicKey, now)
      return { payload, protectedHeader }
    })

  it.effect("signs as GitHub Apps, App Store Connect and APNs document", () =>
    Effect.gen(function* () {
      const rsa = yield* Effect.promise(() => jose.generateKeyPair("RS256"))
      expect(yield* send(SignedJwt.githubApp({ clientId: "Iv1", key: rsa.privateKey }), rsa.publicKey)).toEqual({
        payload: { iss: "Iv1", iat: at - 60, exp: at + 540 },
        protectedHeader: { alg: "RS256", typ: "JWT" }
      })
      const key = pair.privateKey
      const header = { alg: "ES256", typ: "JWT", kid: "K" }
      const team = SignedJwt.appStoreConnect({ issuerId: "I", keyId: "K", key })
      expect(yield* send(team, pair.publicKey)).toEqual({
        payload: { iss: "I", aud: "appstoreconnect-v1", iat: at, exp: at + 900 },
        protectedHeader: header
      })
      const individual = SignedJwt.appStoreConnect({ keyId: "K", key })
      expect((yield* send(individual, pair.publicKey)).payload).toMatchObject({
        sub: "user",
        aud: "appstoreconnect-v1"
      })
      expect(yield* send(SignedJwt.apns({ teamId: "T", keyId: "K", key }), pair.publicKey)).toEqual({
        payload: { iss: "T", iat: at },
        protectedHeader: header
      })
    })
  )

  it.effect("uses the JWT of APNs for 40 minutes", () =>
    Effect.gen(function* () {
      const { api, tokens } = yield* started(
        () => ok,
        SignedJwt.apns({ teamId: "T", keyId: "K", key: pair.privateKey })
      )
      yield* api.get("/")
      yield* TestClock.adjust("2399 seconds")
      yield* api.get("/")
      yield* TestClock.adjust("1 seconds")
      yield* api.get("/")
      expect((yield* tokens).map((jwt) => jose.decodeJwt(jwt).iat)).toEqual([at, at, at + 2400])
    })
  )
})

describe("SignedJwt.importKey", () => {
  it.effect("imports PKCS#8 and PKCS#1, as node:crypto writes them", () =>
    Effect.gen(function* () {
      for (const modulusLength of [2048, 3072]) {
        const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength })
        const spki = yield* Effect.promise(() =>
          jose.importSPKI(publicKey.export({ type: "spki", format: "pem" }).toString(), "RS256")
        )
        for (const type of ["pkcs1", "pkcs8"] as const) {
          const pem = Redacted.make(privateKey.export({ type, format: "pem" }).toString())
          const key = yield* SignedJwt.importKey(pem, "RS256")
          expect(key.extractable).toBe(false)
          const { api, tokens } = yield* started(() => ok, { key: { key } })
          yield* api.get("/")
          yield* verified((yield* tokens)[0], spki)
        }
      }
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
      const p8 = Redacted.make(privateKey.export({ type: "pkcs8", format: "pem" }).toString())
      expect((yield* SignedJwt.importKey(p8, "ES256")).algorithm.name).toBe("ECDSA")
    })
  )

  it.effect("rejects texts that are no such key, and shows none of them", () =>
    Effect.gen(function* () {
      const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
      for (const pem of [
        "",
        "canary",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nY2FuYXJ5\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n!canary\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----canary",
        ec.export({ type: "pkcs8", format: "pem" }).toString()
      ]) {
        const error = yield* Effect.flip(SignedJwt.importKey(Redacted.make(pem), "RS256"))
        expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
        expect(allRenderings(error)).not.toContain("canary")
      }
    })
  )
})
