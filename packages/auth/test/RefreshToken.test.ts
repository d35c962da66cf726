import type { TokenSourceError } from "@countersign/auth/Errors"
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
import { runPendingWork } from "./support/pendingWork.js"
import { times } from "./support/tokenSource.js"

class Api extends ApiClient.Tag("test/Api")<Api, TokenSourceError>() {}

const optionsOf = (issuer: string): RefreshToken.Options => ({
  issuer,
  clientId: "client",
  clientSecret: Redacted.make("secret"),
  account: "alice"
})

/** One process: a client over the shared store. */
const process = (more: Partial<RefreshToken.Options> = {}) =>
  Layer.unwrapEffect(
    Effect.map(OAuthServer.OAuthServer, ({ issuer }) =>
      Api.layer({
        baseUrl: issuer,
        timeout: { call: false, exchange: false },
        auth: RefreshToken.layer({ ...optionsOf(issuer), ...more })
      })
    )
  )

const resource = Effect.flatMap(Api, (api) => api.get("/resource"))

const world = (options: OAuthServer.Options = {}) =>
  Layer.merge(OAuthServer.layerMemory({ accessTokenLifetime: "10 minutes", ...options }), TokenStore.layerMemory)

/** Signs alice in: stores the tokens of a login. */
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

describe("RefreshToken.layer", () => {
  it.effect("sends each refresh token once from five processes, and shares the new token", () =>
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

  it.effect("fails with ReauthorizationRequired, and sends nothing, without a refresh token", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const error = yield* Effect.flip(resource)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "ReauthorizationRequired" })
      expect(error.message).toContain("Sign in")
      expect(yield* server.tokenCalls).toBe(0)
    }).pipe(Effect.provide(Layer.provideMerge(process(), world())))
  )

  it.effect("uses the configured refresh token only if the store has none", () =>
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

  it.effect("sends one refresh for a thousand requests after the token family was revoked", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const store = yield* TokenStore.TokenStore
      const used = yield* signedIn
      const oauth = yield* OAuth2.make(optionsOf(server.issuer))
      // Another client used it twice, so the server revokes the family.
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

  it.effect("resends the refresh token after a truncated response, which a grace period of the server allows", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* signedIn
      yield* TestClock.adjust("10 minutes")
      expect((yield* Effect.provide(resource, process({ timeout: "20 seconds" }))).status).toBe(200)
      expect([yield* server.refreshCalls, yield* server.revokedFamilies]).toEqual([2, 0])
    }).pipe(Effect.provide(world({ reuseGrace: "30 seconds", faults: [OAuthServer.truncated()] })))
  )

  it.effect.each<readonly [string, OAuthServer.Fault]>([
    ["without an access token", OAuthServer.malformed({ access_token: undefined })],
    ["with an unsupported token type", OAuthServer.malformed({ token_type: "mac" })],
    ["with control characters in the access token", OAuthServer.malformed({ access_token: "a\r\nx: y" })],
    ["that is an HTML page", OAuthServer.fault(200, "<html>")],
    ["that is the HTML page of a firewall", OAuthServer.fault(403, "<html>")],
    ["of 100 MiB", OAuthServer.oversized(100 * 1024 * 1024)],
    ["that never ends", OAuthServer.oversized()],
    ["with status 429", OAuthServer.fault(429, "", { "retry-after": "5" })],
    ["that never arrives", OAuthServer.hang],
    ["that is truncated", OAuthServer.truncated()]
  ])("uses the valid access token after a refresh response %s", ([_, fault]) =>
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
        // Waits for the promises of the OAuth library, which do not run on the test clock.
        yield* runPendingWork(20)
      }).pipe(Effect.provide(process({ timeout: "5 seconds" })))
      const { accessToken } = Option.getOrThrow(yield* store.get(key)).token
      expect(Redacted.value(accessToken)).toBe(Redacted.value(before.accessToken))
      expect(yield* server.tokenCalls).toBeLessThanOrEqual(2)
    }).pipe(Effect.provide(world({ faults: () => fault, reuseGrace: "30 seconds" })))
  )

  it.effect.each<readonly [string, unknown, number | undefined]>([
    ["text", "600", 600_000],
    ["a fraction", 1.5, 1_500],
    ["less than a second", 0.04, undefined],
    ["negative", -1, undefined],
    ["a word", "soon", undefined],
    ["null", null, undefined],
    ["beyond the maximum lifetime", 1e300, 10 * 365 * 24 * 3_600_000],
    ["left out", undefined, undefined],
    ["0", 0, undefined]
  ])("accepts a refresh response with an expires_in that is %s", ([_, expires_in, life]) =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const oauth = yield* OAuth2.make(optionsOf(server.issuer))
      const answer = yield* server.issueTokens({ clientId: "client" })
      const token = yield* oauth.refresh(Redacted.make(answer.refresh_token ?? ""))
      expect(token.expiresAt).toBe(life)
    }).pipe(Effect.provide(world({ faults: [OAuthServer.malformed({ expires_in })] })))
  )

  it.effect("refreshes and sends a DPoP-bound token with proofs", () =>
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

describe("RefreshToken.layer with an insufficient scope", () => {
  it.effect("returns the 403 without a refresh, and succeeds after a new sign-in", () =>
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
