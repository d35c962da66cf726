import * as Bearer from "@countersign/auth/Bearer"
import type * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import {
  scriptedTokens,
  nameOf,
  scriptedError,
  source,
  makeSource,
  storeFromOtherProcess,
  storedIn,
  times,
  token,
  pauseAtStep
} from "./support/tokenSource.js"

const slowly = (n: number) => Effect.delay(token(n), "1 second")

/** A client with a source, and a server that accepts the tokens that `takes` accepts, after `distance` milliseconds. */
const clientOf = (source: TokenSource.Service, takes: (token: string) => boolean, distance = 0) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(({ headers }) => {
      const answer = MockClient.respond(takes(headers["authorization"] ?? "") ? 200 : 401)
      return distance === 0 ? answer : MockClient.delay(distance, answer)
    })
    const api = yield* Effect.provideService(
      ApiClient.make({
        baseUrl: "https://api.test",
        auth: Bearer.fromSource(source),
        // A TestClock wakes each timer that it passes separately, which takes ten milliseconds of real time.
        timeout: { call: false, exchange: false }
      }),
      HttpClient.HttpClient,
      client
    )
    return { api, mock }
  })

describe("TokenSource.onRejected", () => {
  it.scopedLive("refreshes once for 1000 concurrent rejections, and each request is replayed once", () =>
    Effect.gen(function* () {
      const all = yield* Deferred.make<void>()
      const { calls, mint } = scriptedTokens((n) =>
        n === 1 ? token(n) : Effect.zipRight(Deferred.await(all), token(n))
      )
      const { api, mock } = yield* clientOf(yield* source(mint), (sent) => sent !== "Bearer canary-1")
      const requests = yield* Effect.fork(times(1_000, api.get("/")))
      yield* Effect.repeat(Effect.zipRight(Effect.yieldNow(), mock.sent), { until: (sent) => sent.length === 1_000 })
      yield* Deferred.succeed(all, undefined)
      const responses = yield* Fiber.join(requests)
      expect(responses.every(({ status }) => status === 200)).toBe(true)
      expect(calls).toHaveLength(2)
      const sent = (yield* mock.sent).map(({ headers }) => headers["authorization"])
      expect(sent).toHaveLength(2_000)
      expect(new Set(sent.slice(0, 1_000))).toEqual(new Set(["Bearer canary-1"]))
      expect(new Set(sent.slice(1_000))).toEqual(new Set(["Bearer canary-2"]))
    })
  )

  it.scoped("replays a request with the current token if an older one was rejected", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { onReplayRejected, get, onRejected } = yield* source(mint)
      const { generation } = yield* get
      expect(yield* onRejected(generation)).toBe(true)
      // The current token was rejected too, but this request has not been sent with it yet.
      yield* onReplayRejected(generation + 1)
      expect(yield* onRejected(generation)).toBe(true)
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("replaces a rejected token although its write has not finished", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      const store: TokenStore.Service = {
        ...memory,
        compareAndSet: (...write) => Effect.delay(memory.compareAndSet(...write), "1 second")
      }
      const { mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(store, mint)
      const first = yield* Effect.fork(get)
      yield* TestClock.adjust("500 millis")
      const { generation } = yield* get
      const renewing = yield* Effect.fork(onRejected(generation))
      // The first token is stored, then the start of the refresh, then the second token.
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(first)
      expect(yield* Fiber.join(renewing)).toBe(true)
      expect(nameOf(yield* get)).toBe("canary-2")
    })
  )

  it.scoped("replaces a rejected token although its predecessor was rejected after a replay", () =>
    Effect.gen(function* () {
      const { mint } = scriptedTokens((n) => token(n, 10_000))
      const { onReplayRejected, get, onRejected } = yield* source(mint)
      const first = yield* get
      yield* onReplayRejected(first.generation)
      expect(yield* onRejected(first.generation)).toBe(false)
      yield* TestClock.adjust("10 seconds")
      const second = yield* get
      expect(yield* onRejected(second.generation)).toBe(true)
      expect(nameOf(yield* get)).toBe("canary-3")
    })
  )

  it.scoped("replaces a token once for two concurrent rejections", () =>
    Effect.gen(function* () {
      for (let step = 1; step <= 80; step++) {
        const { calls, mint } = scriptedTokens()
        const { get, onRejected } = yield* source(mint)
        const { generation } = yield* get
        const { goOn, run } = pauseAtStep(step)
        const slow = yield* Effect.fork(run(onRejected(generation)))
        yield* onRejected(generation)
        yield* goOn
        expect(yield* Fiber.join(slow)).toBe(true)
        expect([step, calls.length]).toEqual([step, 2])
      }
    })
  )

  it.scoped("uses the token that another process has stored, without a token request", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { calls, mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(store, mint)
      const { generation } = yield* get
      yield* storeFromOtherProcess(store, "sibling")
      expect(yield* onRejected(generation)).toBe(true)
      expect(nameOf(yield* get)).toBe("canary-sibling")
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("fails the request with the error of the refresh", () =>
    Effect.gen(function* () {
      const { mint } = scriptedTokens((n) => (n === 1 ? token(n) : Effect.fail(scriptedError("Unavailable"))))
      const { api } = yield* clientOf(yield* source(mint), () => false)
      const request = yield* Effect.fork(Effect.flip(api.get("/")))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(request)).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
    })
  )
})

describe("TokenSource with an API that rejects every token", () => {
  it.scopedLive("refreshes once for 1000 sequential requests", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { api, mock } = yield* clientOf(yield* source(mint), () => false)
      for (let n = 0; n < 1_000; n++) expect((yield* Effect.flip(api.get("/")))._tag).toBe("Unauthorized")
      expect(calls).toHaveLength(2)
      expect(yield* mock.sent).toHaveLength(1_001)
    })
  )

  it.scopedLive("refreshes once for 1000 concurrent requests", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { api } = yield* clientOf(yield* source(mint), () => false)
      yield* times(1_000, Effect.flip(api.get("/")))
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("tries another token every 30 seconds", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { api } = yield* clientOf(yield* source(mint), (sent) => sent === "Bearer canary-5")
      const statuses: Array<unknown> = []
      for (let second = 0; second <= 90; second += 10) {
        statuses.push(yield* Effect.merge(Effect.map(api.get("/"), ({ status }) => status)))
        yield* TestClock.adjust("10 seconds")
      }
      expect(calls.map(({ at }) => at)).toEqual([0, 0, 30_000, 60_000, 90_000])
      expect(statuses.slice(0, -1)).toEqual(
        Array.from({ length: 9 }, () => expect.objectContaining({ _tag: "Unauthorized" }))
      )
      expect(statuses.at(-1)).toBe(200)
    })
  )

  it.scoped("refreshes once in 30 seconds for overlapping requests", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens(slowly)
      const { api } = yield* clientOf(yield* source(mint), () => false, 100)
      const requests = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 50 }, (_, n) => n),
          (n) => Effect.delay(Effect.flip(api.get("/")), n * 37),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(requests)
      expect(calls.map(({ at }) => at)).toEqual([0, 1_100])
    })
  )
})

describe("TokenSource with an invalid refresh token", () => {
  it.scoped("sends one token request for 1000 requests", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const { calls, mint } = scriptedTokens(() => Effect.fail(scriptedError("ReauthorizationRequired")))
      const { get } = yield* makeSource(store, mint)
      for (let n = 0; n < 1_000; n++) expect((yield* Effect.flip(get)).reason).toBe("ReauthorizationRequired")
      expect(calls).toEqual([{ at: 0, previous: "canary-refresh-old" }])
      expect(yield* storedIn(store)).toBe("canary-old")
    })
  )

  it.scoped("refreshes again after the store contains another token", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const { calls, mint } = scriptedTokens((n) =>
        n === 1 ? Effect.fail(scriptedError("ReauthorizationRequired")) : token(n)
      )
      const { get, onRejected } = yield* makeSource(store, mint)
      yield* Effect.flip(get)
      yield* storeFromOtherProcess(store, "signed-in")
      const held = yield* get
      expect(nameOf(held)).toBe("canary-signed-in")
      expect(calls).toHaveLength(1)
      expect(yield* onRejected(held.generation)).toBe(true)
      expect(calls[1]?.previous).toBe("canary-refresh-signed-in")
    })
  )

  it.scoped("uses the token that another process stored without the lock", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const { calls, mint } = scriptedTokens((n) =>
        Effect.zipRight(
          Effect.orDie(storeFromOtherProcess(store, `theirs-${n}`)),
          Effect.fail(scriptedError("ReauthorizationRequired"))
        )
      )
      const { get, onRejected } = yield* makeSource(store, mint)
      const held = yield* get
      expect(nameOf(held)).toBe("canary-theirs-1")
      expect(yield* onRejected(held.generation)).toBe(true)
      expect(calls).toHaveLength(2)
    })
  )
})

describe("two TokenSources with one store", () => {
  it.scoped("send one token request: the second source reads the first token under the lock", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const one = scriptedTokens(slowly)
      const two = scriptedTokens(slowly)
      const first = yield* makeSource(store, one.mint)
      const second = yield* makeSource(store, two.mint)
      const both = yield* Effect.fork(Effect.all([first.get, second.get], { concurrency: 2 }))
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(both)).map(nameOf)).toEqual(["canary-1", "canary-1"])
      expect([one.calls.length, two.calls.length]).toEqual([1, 0])
    })
  )

  it.scoped("use a token that the other source stores while they wait for the lock", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const interleaving: TokenStore.Service = {
        ...store,
        withLock: (key) => (effect) =>
          store.withLock(key)(Effect.zipRight(Effect.orDie(storeFromOtherProcess(store, "sibling", 60_000)), effect))
      }
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(interleaving, mint)
      expect(nameOf(yield* get)).toBe("canary-sibling")
      expect(calls).toEqual([])
    })
  )

  it.scoped("refresh with the refresh token of the other source after its token has expired", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { calls, mint } = scriptedTokens((n) => token(n, n === 1 ? 60_000 : undefined))
      const { get } = yield* makeSource(store, mint)
      yield* get
      yield* storeFromOtherProcess(store, "sibling", 10_000)
      yield* TestClock.adjust("1 minute")
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls[1]?.previous).toBe("canary-refresh-sibling")
    })
  )
})
