import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as Dpop from "@countersign/auth/Dpop"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { settling } from "./support/settling.js"
import { times } from "./support/sources.js"

class Api extends ApiClient.Tag("test/Api")<Api>() {}

const optionsOf = (issuer: string): RefreshToken.Options => ({
  issuer,
  clientId: "client",
  clientSecret: Redacted.make("secret"),
  account: "alice"
})

/** One process: a client over the store that all of them share. */
const process = (more: Partial<RefreshToken.Options> = {}) =>
  Layer.unwrapEffect(
    Effect.map(OAuthServer.OAuthServer, ({ issuer }) =>
      Api.layer({ baseUrl: issuer, timeout: { call: false, exchange: false } }).pipe(
        Layer.provide(RefreshToken.layer({ ...optionsOf(issuer), ...more }))
      )
    )
  )

const resource = Effect.flatMap(Api, (api) => api.get("/resource"))

const world = (options: OAuthServer.Options = {}) =>
  Layer.merge(OAuthServer.layerMemory({ accessTokenLifetime: "10 minutes", ...options }), TokenStore.layerMemory)

/** Signs alice in: what a login would store. */
const signedIn = Effect.gen(function* () {
  const server = yield* OAuthServer.OAuthServer
  const store = yield* TokenStore.TokenStore
  const answer = yield* server.issueTokens({ clientId: "client" })
  const now = yield* Clock.currentTimeMillis
  const token = Token.bearer(Redacted.make(answer.access_token), now, 600_000)
  const refreshToken = Redacted.make(answer.refresh_token ?? "")
  yield* store.compareAndSet(RefreshToken.keyOf(optionsOf(server.issuer)), 0, { ...token, refreshToken })
  return refreshToken
})

describe("a refresh token", () => {
  it.effect("is used once, by one of many processes, and its successor by all of them", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* signedIn
      const processes = yield* Effect.scoped(
        Effect.gen(function* () {
          const contexts = yield* Effect.all(Array.from({ length: 5 }, () => Layer.build(process())))
          for (let round = 0; round < 4; round++) {
            yield* Effect.forEach(contexts, (context) => Effect.provide(times(20, resource), context), {
              concurrency: "unbounded"
            })
            yield* TestClock.adjust("10 minutes")
          }
          return contexts.length
        })
      )
      expect([processes, yield* server.refreshCalls, yield* server.revokedFamilies]).toEqual([5, 3, 0])
    }).pipe(Effect.provide(world()))
  )

  it.effect("that there is none of is said, with what to do, and nothing is sent", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const error = yield* Effect.flip(resource)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "ReauthorizationRequired" })
      expect(error.message).toContain("sign in")
      expect(yield* server.tokenCalls).toBe(0)
    }).pipe(Effect.provide(Layer.provideMerge(process(), world())))
  )

  it.effect("of the configuration is used where the store has none, and never again", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const answer = yield* server.issueTokens({ clientId: "client" })
      const refreshToken = Redacted.make(answer.refresh_token ?? "")
      for (let restart = 0; restart < 3; restart++) {
        yield* Effect.provide(resource, process({ refreshToken }))
        yield* TestClock.adjust("10 minutes")
      }
      expect([yield* server.refreshCalls, yield* server.revokedFamilies]).toEqual([3, 0])
    }).pipe(Effect.provide(world()))
  )

  it.effect("whose family was revoked is the end, told after one call for a thousand requests", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const store = yield* TokenStore.TokenStore
      const used = yield* signedIn
      const oauth = yield* OAuth2.make(optionsOf(server.issuer))
      // Somebody else has used it: twice, which the server takes for a theft.
      yield* oauth.refresh(used)
      yield* Effect.flip(oauth.refresh(used))
      yield* TestClock.adjust("10 minutes")
      yield* Effect.provide(
        Effect.forEach(Array.from({ length: 1_000 }), () => Effect.flip(resource)),
        process()
      )
      expect([yield* server.refreshCalls, yield* server.revokedFamilies]).toEqual([3, 1])
      expect(Option.isSome(yield* store.get(RefreshToken.keyOf(optionsOf(server.issuer))))).toBe(true)
    }).pipe(Effect.provide(world()))
  )

  it.effect("whose answer got lost is sent once more, which a server with a grace period forgives", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* signedIn
      yield* TestClock.adjust("10 minutes")
      expect((yield* Effect.provide(resource, process({ timeout: "20 seconds" }))).status).toBe(200)
      expect([yield* server.refreshCalls, yield* server.revokedFamilies]).toEqual([2, 0])
    }).pipe(Effect.provide(world({ reuseGrace: "30 seconds", faults: [OAuthServer.truncated()] })))
  )

  it.effect.each<readonly [string, OAuthServer.Fault]>([
    ["without a token", OAuthServer.malformed({ access_token: undefined })],
    ["of a type that nobody can present", OAuthServer.malformed({ token_type: "mac" })],
    ["with a token of control characters", OAuthServer.malformed({ access_token: "a\r\nx: y" })],
    ["that is a page", OAuthServer.fault(200, "<html>")],
    ["that is a page of a firewall", OAuthServer.fault(403, "<html>")],
    ["of 100 MiB", OAuthServer.oversized(100 * 1024 * 1024)],
    ["that has no end", OAuthServer.oversized()],
    ["that is 429", OAuthServer.fault(429, "", { "retry-after": "5" })],
    ["that is none", OAuthServer.hang],
    ["that is cut", OAuthServer.truncated()]
  ])("whose answer is one %s keeps nobody from a token that is still good", ([_, fault]) =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const store = yield* TokenStore.TokenStore
      yield* signedIn
      const key = RefreshToken.keyOf(optionsOf(server.issuer))
      const before = Option.getOrThrow(yield* store.get(key)).token
      yield* TestClock.adjust("9 minutes")
      yield* Effect.gen(function* () {
        for (let second = 0; second < 20; second++) {
          expect((yield* resource).status).toBe(200)
          yield* TestClock.adjust("1 second")
        }
        // Beyond the promises of the library that reads the answer, which are not of the test's clock.
        yield* settling(20)
      }).pipe(Effect.provide(process({ timeout: "5 seconds" })))
      const { accessToken } = Option.getOrThrow(yield* store.get(key)).token
      expect(Redacted.value(accessToken)).toBe(Redacted.value(before.accessToken))
      expect(yield* server.tokenCalls).toBeLessThanOrEqual(2)
    }).pipe(Effect.provide(world({ faults: () => fault, reuseGrace: "30 seconds" })))
  )

  it.effect.each<readonly [string, unknown, number | undefined]>([
    ["text", "600", 600_000],
    ["a fraction", 1.5, 1_500],
    ["less than a second, which would take a token for each request", 0.04, undefined],
    ["negative", -1, undefined],
    ["a word", "soon", undefined],
    ["null", null, undefined],
    ["more than anybody keeps", 1e300, 10 * 365 * 24 * 3_600_000],
    ["left out", undefined, undefined],
    ["0, which says nothing", 0, undefined]
  ])("whose answer has an expires_in that is %s is used all the same", ([_, expires_in, life]) =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const oauth = yield* OAuth2.make(optionsOf(server.issuer))
      const answer = yield* server.issueTokens({ clientId: "client" })
      const token = yield* oauth.refresh(Redacted.make(answer.refresh_token ?? ""))
      expect(token.expiresAt).toBe(life)
    }).pipe(Effect.provide(world({ faults: [OAuthServer.malformed({ expires_in })] })))
  )

  it.effect("that is bound to a key is refreshed and presented with proofs of it", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const dpop = yield* Dpop.generateKey
      const oauth = yield* OAuth2.make({ ...optionsOf(server.issuer), dpop })
      const first = yield* oauth.clientCredentials({})
      const store = yield* TokenStore.TokenStore
      yield* store.compareAndSet(RefreshToken.keyOf(optionsOf(server.issuer)), 0, first)
      yield* TestClock.adjust("10 minutes")
      expect((yield* Effect.provide(resource, process({ dpop }))).status).toBe(200)
      const sent = (yield* server.requests).filter(({ path }) => path === "/resource")
      expect(sent.map(({ headers }) => headers["authorization"]?.split(" ")[0])).toEqual(["DPoP"])
      expect(yield* server.refreshCalls).toBe(1)
    }).pipe(Effect.provide(world({ refreshTokens: true, dpop: { required: true } })))
  )
})

describe("an API that demands more than a refresh can give", () => {
  it.effect("has its 403 given back and the refresh token kept; signing in again makes the next call work", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* signedIn
      const read = Effect.flatMap(Api, (api) => api.get("/resource?scope=write"))
      yield* Effect.gen(function* () {
        expect(yield* Effect.flip(read)).toMatchObject({ _tag: "Forbidden", scope: "write" })
        expect(yield* server.refreshCalls).toBe(0)
        const answer = yield* server.issueTokens({ clientId: "client", scope: "read write" })
        const token = Token.bearer(Redacted.make(answer.access_token), yield* Clock.currentTimeMillis, 600_000)
        yield* AuthorizationCode.storeToken(optionsOf(server.issuer), { token })
        expect((yield* read).status).toBe(200)
      }).pipe(Effect.provide(process()))
    }).pipe(Effect.provide(world()))
  )
})
