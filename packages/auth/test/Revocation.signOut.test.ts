import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Revocation from "@countersign/auth/Revocation"
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { issuer, metadata } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { runPendingWork } from "./support/pendingWork.js"

const { fail, respond } = MockClient

const optionsOf = (from: string): RefreshToken.Options => ({
  issuer: from,
  clientId: "client",
  clientSecret: Redacted.make("secret"),
  account: "ada"
})

const world = (options: OAuthServer.Options = {}) =>
  Layer.merge(OAuthServer.layerMemory({ accessTokenLifetime: "10 minutes", ...options }), TokenStore.layerMemory)

/** Stores the token of a sign-in. */
const signIn = Effect.gen(function* () {
  const server = yield* OAuthServer.OAuthServer
  const answer = yield* server.issueTokens({ clientId: "client" })
  const now = yield* Clock.currentTimeMillis
  const refreshToken = Redacted.make(answer.refresh_token ?? "")
  const token = { ...Token.bearer(Redacted.make(answer.access_token), now, 600_000), refreshToken }
  yield* AuthorizationCode.storeToken(optionsOf(server.issuer), { token })
  return token
})

/** A user that has signed in. */
const signedIn = Effect.gen(function* () {
  const token = yield* signIn
  const server = yield* OAuthServer.OAuthServer
  return { server, token, options: optionsOf(server.issuer) }
})

/** A process that continues with the token. */
const running = (options: RefreshToken.Options) =>
  Effect.map(Layer.build(RefreshToken.layer({ ...options, propagationDelay: 0 })), Context.get(TokenSource.TokenSource))

const isStored = (options: RefreshToken.Options) =>
  Effect.flatMap(TokenStore.TokenStore, (store) => Effect.map(store.get(RefreshToken.keyOf(options)), Option.isSome))

/** The number of revocation requests, and for each sign-in the tokens that remain at the server. */
const leftAt = (server: Context.Tag.Service<typeof OAuthServer.OAuthServer>) =>
  Effect.all({
    revoked: Effect.map(server.requests, (all) => all.filter(({ path }) => path === "/revoke").length),
    families: Effect.map(server.families, (all) => all.map(({ accessTokens, ended }) => [accessTokens, ended?.by]))
  })

/** A user that has signed in at a server with scripted revocation responses, and the tokens it received. */
const scripted = (answers: ReadonlyArray<MockClient.Step>) =>
  Effect.gen(function* () {
    let asked = 0
    const { client, mock } = yield* MockClient.make(({ method }) =>
      method === "GET" ? metadata({ revocation_endpoint: `${issuer}/revoke` }) : (answers[asked++] ?? respond(200, ""))
    )
    const options = optionsOf(issuer)
    const token = { ...Token.bearer(Redacted.make("canary-access"), 0), refreshToken: Redacted.make("canary-refresh") }
    yield* AuthorizationCode.storeToken(options, { token })
    const sent = Effect.map(mock.sent, (all) =>
      all.flatMap(({ body, method }) => (method === "POST" ? [new URLSearchParams(body).get("token")] : []))
    )
    const signOut = (more: Partial<Revocation.SignOutOptions> = {}) =>
      Effect.provideService(Revocation.signOut({ ...options, ...more }), HttpClient.HttpClient, client)
    return { options, sent, signOut }
  })

/** Promises of the library do not depend on the test clock. */
const settled = runPendingWork(5)

/** The result of an effect while the test clock advances. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    while (Option.isNone(yield* Fiber.poll(fiber))) {
      yield* settled
      yield* TestClock.adjust("250 millis")
    }
    return yield* Fiber.join(fiber)
  })

describe("Revocation.signOut", () => {
  it.effect("removes the stored token and revokes both tokens at the server", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      yield* Revocation.signOut(options)
      expect(yield* isStored(options)).toBe(false)
      expect(yield* leftAt(server)).toEqual({ revoked: 2, families: [[0, "client"]] })
    }).pipe(Effect.provide(world()))
  )

  it.effect("sends no request without a stored token", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* Revocation.signOut(optionsOf(server.issuer))
      expect(yield* server.requests).toEqual([])
    }).pipe(Effect.provide(world()))
  )

  it.effect("revokes each token once when called again or concurrently", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      yield* Effect.all([Revocation.signOut(options), Revocation.signOut(options)], { concurrency: "unbounded" })
      yield* Revocation.signOut(options)
      expect(yield* leftAt(server)).toEqual({ revoked: 2, families: [[0, "client"]] })
    }).pipe(Effect.provide(world()))
  )

  it.effect("keeps the tokens of other accounts", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      yield* Revocation.signOut({ ...options, account: "grace" })
      expect(yield* isStored(options)).toBe(true)
      expect(yield* leftAt(server)).toEqual({ revoked: 0, families: [[1, undefined]] })
    }).pipe(Effect.provide(world()))
  )

  it.effect("revokes the stored refresh token, then the one of the options, then the access token", () =>
    Effect.gen(function* () {
      const { sent, signOut } = yield* scripted([])
      yield* signOut({ refreshToken: Redacted.make("canary-first") })
      expect(yield* sent).toEqual(["canary-refresh", "canary-first", "canary-access"])
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("revokes the refresh token of the options once if it is the stored one", () =>
    Effect.gen(function* () {
      const { sent, signOut } = yield* scripted([])
      yield* signOut({ refreshToken: Redacted.make("canary-refresh") })
      expect(yield* sent).toEqual(["canary-refresh", "canary-access"])
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("revokes the refresh token of the options if nothing is stored", () =>
    Effect.gen(function* () {
      const { sent, signOut } = yield* scripted([])
      yield* signOut({ account: "grace", refreshToken: Redacted.make("canary-first") })
      expect(yield* sent).toEqual(["canary-first"])
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("succeeds if the server cannot revoke access tokens", () =>
    Effect.gen(function* () {
      const { sent, signOut } = yield* scripted([respond(200, ""), respond(400, { error: "unsupported_token_type" })])
      yield* signOut()
      expect(yield* sent).toEqual(["canary-refresh", "canary-access"])
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect.each<readonly [string, MockClient.Step, object, number]>([
    [
      "cannot revoke refresh tokens",
      respond(400, { error: "unsupported_token_type" }),
      { reason: "Rejected", error: "unsupported_token_type" },
      2
    ],
    [
      "rejects the request",
      respond(400, { error: "invalid_request" }),
      { reason: "Rejected", error: "invalid_request" },
      2
    ],
    ["cannot be reached", fail("ECONNREFUSED"), { reason: "Unavailable", sent: "no" }, 3],
    ["sends Retry-After", respond(503, "", { "retry-after": "60" }), { reason: "Unavailable", retryAt: 60_000 }, 1]
  ])("removes the stored token and fails with a TokenError if the server %s", ([_, answer, expected, times]) =>
    Effect.gen(function* () {
      const answers = times === 3 ? [answer, answer, answer] : [answer]
      const { options, sent, signOut } = yield* scripted(answers)
      const error = yield* inTime(Effect.flip(signOut()))
      expect(yield* isStored(options)).toBe(false)
      expect(error).toMatchObject({ _tag: "TokenError", ...expected })
      expect(error).toHaveProperty("detail", expect.stringContaining("the tokens were removed from the store"))
      expect(allRenderings(error)).not.toContain("canary-")
      expect(yield* sent).toHaveLength(times)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("removes the stored token before the server responds, also if interrupted then", () =>
    Effect.gen(function* () {
      const { options, sent, signOut } = yield* scripted([MockClient.never])
      const fiber = yield* Effect.fork(signOut())
      while ((yield* sent).length === 0) yield* settled
      expect([yield* isStored(options), yield* sent]).toEqual([false, ["canary-refresh"]])
      yield* Fiber.interrupt(fiber)
      expect(yield* isStored(options)).toBe(false)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("lets a sign-in store a token while the server does not respond", () =>
    Effect.gen(function* () {
      const { options, sent, signOut } = yield* scripted([MockClient.never])
      const fiber = yield* Effect.fork(signOut())
      while ((yield* sent).length === 0) yield* settled
      yield* AuthorizationCode.storeToken(options, { token: Token.bearer(Redacted.make("canary-newer"), 0) })
      yield* Fiber.interrupt(fiber)
      expect(yield* isStored(options)).toBe(true)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("removes the stored token and fails if the server has no revocation endpoint", () =>
    Effect.gen(function* () {
      const { options } = yield* signedIn
      const error = yield* Effect.flip(Revocation.signOut(options))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(yield* isStored(options)).toBe(false)
    }).pipe(Effect.provide(world({ overrides: { metadata: { revocation_endpoint: undefined } } })))
  )

  it.effect("fails and keeps the stored token if the client options are invalid", () =>
    Effect.gen(function* () {
      const { options } = yield* signedIn
      const error = yield* Effect.flip(Revocation.signOut({ ...options, clientSecret: undefined }))
      expect(error._tag).toBe("InvalidRequest")
      expect(yield* isStored(options)).toBe(true)
    }).pipe(Effect.provide(world()))
  )

  it.effect("fails and sends no request if the store cannot be written", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      const store = yield* TokenStore.TokenStore
      const full = new TokenStoreError({ reason: "WriteFailed", detail: "as scripted" })
      const broken = { ...store, remove: () => Effect.fail(full) }
      const signOut = Effect.provideService(Revocation.signOut(options), TokenStore.TokenStore, broken)
      expect(yield* Effect.flip(signOut)).toBe(full)
      expect(yield* leftAt(server)).toEqual({ revoked: 0, families: [[1, undefined]] })
    }).pipe(Effect.provide(world()))
  )

  it.effect("fails after 15 seconds if the store hangs", () =>
    Effect.gen(function* () {
      const { options } = yield* signedIn
      const store = yield* TokenStore.TokenStore
      const hanging = { ...store, remove: () => Effect.never }
      const signOut = Effect.provideService(Revocation.signOut(options), TokenStore.TokenStore, hanging)
      const fiber = yield* Effect.fork(Effect.flip(signOut))
      yield* TestClock.adjust("15 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TokenStoreError", reason: "WriteFailed" })
    }).pipe(Effect.provide(world()))
  )

  it.effect("fails with OwnerMismatch and keeps a record of another owner", () =>
    Effect.gen(function* () {
      const { options, server, token } = yield* signedIn
      const store = yield* TokenStore.TokenStore
      const issued = { issuer: "https://other.test", client: "client" }
      yield* store.compareAndSet(RefreshToken.keyOf(options), 1, { ...token, owner: issued })
      const error = yield* Effect.flip(Revocation.signOut(options))
      expect(error).toMatchObject({ _tag: "TokenStoreError", reason: "OwnerMismatch" })
      expect(yield* isStored(options)).toBe(true)
      expect((yield* leftAt(server)).revoked).toBe(0)
    }).pipe(Effect.provide(world()))
  )

  it.effect("revokes the newest token if another process writes one without the lock", () =>
    Effect.gen(function* () {
      const { options, sent, signOut } = yield* scripted([])
      const store = yield* TokenStore.TokenStore
      const key = RefreshToken.keyOf(options)
      const newer = Token.bearer(Redacted.make("canary-newer"), 0)
      let removals = 0
      const raced: TokenStore.Service = {
        ...store,
        remove: (...record) =>
          removals++ === 0
            ? Effect.zipRight(store.compareAndSet(key, 1, newer), store.remove(...record))
            : store.remove(...record)
      }
      yield* Effect.provideService(signOut(), TokenStore.TokenStore, raced)
      expect(yield* isStored(options)).toBe(false)
      expect(yield* sent).toEqual(["canary-newer"])
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )
})

describe("TokenSource after Revocation.signOut", () => {
  it.effect("serves the token in memory until it is rejected, then requires reauthorization", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      const source = yield* running(options)
      const { generation } = yield* source.get
      yield* Revocation.signOut(options)
      expect((yield* source.get).generation).toBe(generation)
      expect(yield* Effect.flip(source.onRejected(generation))).toMatchObject({ reason: "ReauthorizationRequired" })
      expect([yield* isStored(options), yield* server.refreshCalls]).toEqual([false, 0])
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("serves the token in memory until it expires, without a refresh or a write", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      const source = yield* running(options)
      yield* source.get
      yield* Revocation.signOut(options)
      const outcomes: Array<string> = []
      for (let minute = 0; minute < 12; minute++) {
        const got = yield* Effect.either(source.get)
        outcomes.push(Either.match(got, { onLeft: (error) => error.reason, onRight: () => "token" }))
        yield* TestClock.adjust("1 minute")
      }
      const expired = Array.from({ length: 2 }, () => "ReauthorizationRequired")
      expect(outcomes).toEqual([...Array.from({ length: 10 }, () => "token"), ...expired])
      expect([yield* isStored(options), yield* server.refreshCalls]).toEqual([false, 0])
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("serves the new token after another sign-in", () =>
    Effect.gen(function* () {
      const { options } = yield* signedIn
      const source = yield* running(options)
      const { generation } = yield* source.get
      yield* Revocation.signOut(options)
      yield* Effect.flip(source.onRejected(generation))
      const again = yield* signIn
      expect(yield* source.onRejected(generation)).toBe(true)
      const { token } = yield* source.get
      expect(Redacted.value(token.accessToken)).toBe(Redacted.value(again.accessToken))
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("has the token of a concurrent refresh revoked", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      const source = yield* running(options)
      const { generation } = yield* source.get
      const refreshing = yield* Effect.fork(source.onRejected(generation))
      while ((yield* server.refreshCalls) === 0) yield* settled
      const signingOut = yield* Effect.fork(Revocation.signOut(options))
      yield* settled
      // The refresh has no response yet, so it still holds the lock.
      expect(yield* isStored(options)).toBe(true)
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(refreshing)).toBe(true)
      yield* Fiber.join(signingOut)
      expect(yield* isStored(options)).toBe(false)
      expect((yield* leftAt(server)).families).toEqual([[0, "client"]])
    }).pipe(Effect.scoped, Effect.provide(world({ faults: [OAuthServer.slow("3 seconds")] })))
  )

  it.effect("does not store a token after its earlier write failed", () =>
    Effect.gen(function* () {
      const { options } = yield* signedIn
      const store = yield* TokenStore.TokenStore
      let isFull = false
      const full = new TokenStoreError({ reason: "WriteFailed", detail: "as scripted" })
      const filling: TokenStore.Service = {
        ...store,
        compareAndSet: (...write) => (isFull ? Effect.fail(full) : store.compareAndSet(...write))
      }
      const source = yield* Effect.provideService(running(options), TokenStore.TokenStore, filling)
      const { generation } = yield* source.get
      isFull = true
      yield* source.onRejected(generation)
      yield* Revocation.signOut(options)
      isFull = false
      yield* TestClock.adjust("2 minutes")
      expect(yield* isStored(options)).toBe(false)
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("does not restore the record with another refresh after a failed write", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      const store = yield* TokenStore.TokenStore
      let isFull = false
      const full = new TokenStoreError({ reason: "WriteFailed", detail: "as scripted" })
      const filling: TokenStore.Service = {
        ...store,
        compareAndSet: (...write) => (isFull ? Effect.fail(full) : store.compareAndSet(...write))
      }
      const source = yield* Effect.provideService(running(options), TokenStore.TokenStore, filling)
      isFull = true
      yield* source.onRejected((yield* source.get).generation)
      yield* Revocation.signOut(options)
      isFull = false
      const before = yield* server.refreshCalls
      const error = yield* Effect.flip(source.onRejected((yield* source.get).generation))
      expect(error).toMatchObject({ reason: "ReauthorizationRequired" })
      expect(yield* isStored(options)).toBe(false)
      expect(yield* server.refreshCalls).toBe(before)
    }).pipe(Effect.scoped, Effect.provide(world()))
  )
})
