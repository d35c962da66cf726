import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Revocation from "@countersign/auth/Revocation"
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
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
import { printed } from "./support/printed.js"
import { settling } from "./support/settling.js"

const { fail, respond } = MockClient

const optionsOf = (from: string): RefreshToken.Options => ({
  issuer: from,
  clientId: "client",
  clientSecret: Redacted.make("secret"),
  account: "ada"
})

const world = (options: OAuthServer.Options = {}) =>
  Layer.merge(OAuthServer.layerMemory({ accessTokenLifetime: "10 minutes", ...options }), TokenStore.layerMemory)

/** Stores what a sign-in gives. */
const signIn = Effect.gen(function* () {
  const server = yield* OAuthServer.OAuthServer
  const answer = yield* server.issueTokens({ clientId: "client" })
  const now = yield* Clock.currentTimeMillis
  const refreshToken = Redacted.make(answer.refresh_token ?? "")
  const token = { ...Token.bearer(Redacted.make(answer.access_token), now, 600_000), refreshToken }
  yield* AuthorizationCode.storeToken(optionsOf(server.issuer), { token })
  return token
})

/** Somebody who has signed in. */
const signedIn = Effect.gen(function* () {
  const token = yield* signIn
  const server = yield* OAuthServer.OAuthServer
  return { server, token, options: optionsOf(server.issuer) }
})

/** A process that goes on with the token. */
const running = (options: RefreshToken.Options) =>
  Effect.map(Layer.build(RefreshToken.layer({ ...options, propagationDelay: 0 })), Context.get(TokenSource.TokenSource))

const isStored = (options: RefreshToken.Options) =>
  Effect.flatMap(TokenStore.TokenStore, (store) => Effect.map(store.get(RefreshToken.keyOf(options)), Option.isSome))

/** How many tokens were revoked, and what is left of each sign-in at the server. */
const leftAt = (server: Context.Tag.Service<typeof OAuthServer.OAuthServer>) =>
  Effect.all({
    revoked: Effect.map(server.requests, (all) => all.filter(({ path }) => path === "/revoke").length),
    families: Effect.map(server.families, (all) => all.map(({ accessTokens, ended }) => [accessTokens, ended?.by]))
  })

/** Somebody who has signed in at a server that answers each revocation by a script, and what it was sent. */
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

/** The library's promises are settled by no clock. */
const settled = settling(5)

/** What an effect ends with, as time goes by. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    while (Option.isNone(yield* Fiber.poll(fiber))) {
      yield* settled
      yield* TestClock.adjust("250 millis")
    }
    return yield* Fiber.join(fiber)
  })

describe("somebody who signs out", () => {
  it.effect("has no token here any more, and none at the server", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      yield* Revocation.signOut(options)
      expect(yield* isStored(options)).toBe(false)
      expect(yield* leftAt(server)).toEqual({ revoked: 2, families: [[0, "client"]] })
    }).pipe(Effect.provide(world()))
  )

  it.effect("without being signed in has nothing sent", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      yield* Revocation.signOut(optionsOf(server.issuer))
      expect(yield* server.requests).toEqual([])
    }).pipe(Effect.provide(world()))
  )

  it.effect("twice, or in two processes at once, has each token revoked once", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      yield* Effect.all([Revocation.signOut(options), Revocation.signOut(options)], { concurrency: "unbounded" })
      yield* Revocation.signOut(options)
      expect(yield* leftAt(server)).toEqual({ revoked: 2, families: [[0, "client"]] })
    }).pipe(Effect.provide(world()))
  )

  it.effect("leaves others signed in", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      yield* Revocation.signOut({ ...options, account: "grace" })
      expect(yield* isStored(options)).toBe(true)
      expect(yield* leftAt(server)).toEqual({ revoked: 0, families: [[1, undefined]] })
    }).pipe(Effect.provide(world()))
  )

  it.effect("has the refresh token revoked first, then that of the options, then the access token", () =>
    Effect.gen(function* () {
      const { sent, signOut } = yield* scripted([])
      yield* signOut({ refreshToken: Redacted.make("canary-first") })
      expect(yield* sent).toEqual(["canary-refresh", "canary-first", "canary-access"])
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("has the refresh token of the options revoked once, where it is the stored one", () =>
    Effect.gen(function* () {
      const { sent, signOut } = yield* scripted([])
      yield* signOut({ refreshToken: Redacted.make("canary-refresh") })
      expect(yield* sent).toEqual(["canary-refresh", "canary-access"])
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("has the refresh token of the options revoked where nothing is stored", () =>
    Effect.gen(function* () {
      const { sent, signOut } = yield* scripted([])
      yield* signOut({ account: "grace", refreshToken: Redacted.make("canary-first") })
      expect(yield* sent).toEqual(["canary-first"])
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("is signed out where the server cannot revoke access tokens", () =>
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
    ["refuses", respond(400, { error: "invalid_request" }), { reason: "Rejected", error: "invalid_request" }, 2],
    ["is away", fail("ECONNREFUSED"), { reason: "Unavailable", sent: "no" }, 3],
    [
      "wants to be asked later",
      respond(503, "", { "retry-after": "60" }),
      { reason: "Unavailable", retryAt: 60_000 },
      1
    ]
  ])("from a server that %s is signed out here, and told so", ([_, answer, expected, times]) =>
    Effect.gen(function* () {
      const answers = times === 3 ? [answer, answer, answer] : [answer]
      const { options, sent, signOut } = yield* scripted(answers)
      const error = yield* inTime(Effect.flip(signOut()))
      expect(yield* isStored(options)).toBe(false)
      expect(error).toMatchObject({ _tag: "TokenError", ...expected })
      expect(error).toHaveProperty("detail", expect.stringContaining("gone here"))
      expect(printed(error)).not.toContain("canary-")
      expect(yield* sent).toHaveLength(times)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("is signed out here before the server has answered, and stays so where this is interrupted", () =>
    Effect.gen(function* () {
      const { options, sent, signOut } = yield* scripted([MockClient.never])
      const fiber = yield* Effect.fork(signOut())
      while ((yield* sent).length === 0) yield* settled
      expect([yield* isStored(options), yield* sent]).toEqual([false, ["canary-refresh"]])
      yield* Fiber.interrupt(fiber)
      expect(yield* isStored(options)).toBe(false)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("keeps nobody from signing in while the server does not answer", () =>
    Effect.gen(function* () {
      const { options, sent, signOut } = yield* scripted([MockClient.never])
      const fiber = yield* Effect.fork(signOut())
      while ((yield* sent).length === 0) yield* settled
      yield* AuthorizationCode.storeToken(options, { token: Token.bearer(Redacted.make("canary-newer"), 0) })
      yield* Fiber.interrupt(fiber)
      expect(yield* isStored(options)).toBe(true)
    }).pipe(Effect.provide(TokenStore.layerMemory))
  )

  it.effect("at a server that revokes none is signed out here, and told so", () =>
    Effect.gen(function* () {
      const { options } = yield* signedIn
      const error = yield* Effect.flip(Revocation.signOut(options))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "InvalidResponse" })
      expect(yield* isStored(options)).toBe(false)
    }).pipe(Effect.provide(world({ overrides: { metadata: { revocation_endpoint: undefined } } })))
  )

  it.effect("as a client that cannot be changes nothing", () =>
    Effect.gen(function* () {
      const { options } = yield* signedIn
      const error = yield* Effect.flip(Revocation.signOut({ ...options, clientSecret: undefined }))
      expect(error._tag).toBe("InvalidRequest")
      expect(yield* isStored(options)).toBe(true)
    }).pipe(Effect.provide(world()))
  )

  it.effect("from a store that cannot be written is told so, and nothing is sent", () =>
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

  it.effect("from a store that hangs is told so after 15 seconds", () =>
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

  it.effect("does not touch a record that says it is somebody else's", () =>
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

  it.effect("has the newest token revoked where somebody who takes no turns writes another one", () =>
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

describe("a process that goes on after somebody has signed out", () => {
  it.effect("sends what it has in memory until that is refused, and then needs a sign-in", () =>
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

  it.effect("sends what it has in memory until that expires, refreshes nothing, and stores nothing", () =>
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

  it.effect("goes on by itself when somebody has signed in again", () =>
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

  it.effect("has what a refresh gave revoked, that was under way", () =>
    Effect.gen(function* () {
      const { options, server } = yield* signedIn
      const source = yield* running(options)
      const { generation } = yield* source.get
      const refreshing = yield* Effect.fork(source.onRejected(generation))
      while ((yield* server.refreshCalls) === 0) yield* settled
      const signingOut = yield* Effect.fork(Revocation.signOut(options))
      yield* settled
      // The refresh is not answered yet, so it still has its turn.
      expect(yield* isStored(options)).toBe(true)
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(refreshing)).toBe(true)
      yield* Fiber.join(signingOut)
      expect(yield* isStored(options)).toBe(false)
      expect((yield* leftAt(server)).families).toEqual([[0, "client"]])
    }).pipe(Effect.scoped, Effect.provide(world({ faults: [OAuthServer.slow("3 seconds")] })))
  )

  it.effect("does not store a token that it could not store before", () =>
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

  it.effect("does not store it with another refresh either, which would bring the record back", () =>
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
