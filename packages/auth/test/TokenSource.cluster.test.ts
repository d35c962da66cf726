/** Processes of several machines share a record: outages of the store, and locks that are lost. */
import * as TokenEvents from "@countersign/auth/TokenEvents"
import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { makeCluster, StrictServer } from "./support/cluster.js"
import {
  key,
  logging,
  makeSource,
  nameOf,
  scriptedTokens,
  storedIn,
  storeFromOtherProcess,
  token
} from "./support/tokenSource.js"

/** Two processes with a stored token that has expired, and a strict server. */
const twoProcesses = Effect.gen(function* () {
  const { memory, state, store } = yield* makeCluster
  yield* storeFromOtherProcess(memory, "old", 0)
  const server = new StrictServer("canary-refresh-old")
  const debtor = yield* makeSource(store, server.acquireToken)
  const taker = yield* makeSource(store, server.acquireToken)
  return { debtor, taker, memory, server, state, store }
})

/** Writes an intent, as a process does that exits before it sends the refresh token. */
const exitsAfterIntent = (store: TokenStore.Service, at: number) =>
  Effect.gen(function* () {
    const { token, version } = Option.getOrThrow(yield* store.get(key))
    yield* store.compareAndSet(key, version, { ...token, refreshStartedAt: at })
  })

/** How many requests the server has after each second. */
const requestsBySecond = (server: StrictServer, seconds: number) =>
  Effect.forEach(Array.from({ length: seconds }), () =>
    Effect.map(TestClock.adjust("1 second"), () => server.sent.length)
  )

describe("TokenSource in a cluster after an outage of the store", () => {
  it.scoped("sends no used refresh token after another process could not store its successor for 10 seconds", () =>
    Effect.gen(function* () {
      const { debtor, memory, server, state, store, taker } = yield* twoProcesses
      // The intent is stored. Then writes fail, and the lock stays with a process that does not exist any more.
      server.onRequest = () => (state.writesFail = true)
      const refreshing = yield* Effect.fork(debtor.get)
      yield* TestClock.adjust("400 millis")
      expect(nameOf(yield* Fiber.join(refreshing))).toBe("canary-1")
      const outage = yield* Deferred.make<void>()
      yield* Effect.fork(store.withLock(key)(Deferred.await(outage)))
      yield* Effect.yieldNow()
      // The other process waits for the lock first, the debtor after it.
      const taking = yield* Effect.fork(taker.get)
      yield* TestClock.adjust("10 seconds")
      state.writesFail = false
      yield* Deferred.succeed(outage, undefined)
      yield* TestClock.adjust("10 seconds")
      expect(nameOf(yield* Fiber.join(taking))).toBe("canary-1")
      expect([server.sent, server.isRevoked]).toEqual([["canary-refresh-old"], false])
      expect(yield* storedIn(memory)).toBe("canary-1")
    })
  )

  it.scoped("tries each second to store a token", () =>
    Effect.gen(function* () {
      const { debtor, memory, server, state } = yield* twoProcesses
      server.onRequest = () => (state.writesFail = true)
      const refreshing = yield* Effect.fork(debtor.get)
      yield* TestClock.adjust("90 seconds")
      yield* Fiber.join(refreshing)
      state.writesFail = false
      yield* TestClock.adjust("1 second")
      expect(yield* storedIn(memory)).toBe("canary-1")
    })
  )

  it.scoped("tries to refresh 2 seconds after a failure of the store, and logs an outage once", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { memory, state, store } = yield* makeCluster
      const { calls, mint } = scriptedTokens((n) => token(n, 3_600_000))
      const { get } = yield* makeSource(store, mint)
      yield* get
      yield* TestClock.adjust("56 minutes")
      state.readsFail = true
      for (let second = 0; second < 20; second++) {
        expect(nameOf(yield* get)).toBe("canary-1")
        yield* TestClock.adjust("1 second")
      }
      expect(calls).toHaveLength(1)
      state.readsFail = false
      yield* get
      yield* TestClock.adjust("2 seconds")
      yield* get
      yield* TestClock.adjust("1 second")
      expect([calls.length, yield* storedIn(memory)]).toEqual([2, "canary-2"])
      expect(lines.filter((line) => line.includes("no replica responds"))).toHaveLength(1)
    }).pipe(logging(lines))
  })

  it.scoped("reports a token as stored only after the store has confirmed it", () =>
    Effect.gen(function* () {
      const { memory, server, state, store } = yield* twoProcesses
      const events = yield* TokenEvents.make
      const types: Array<TokenEvents.EventType> = []
      yield* Effect.forkScoped(Stream.runForEach(events.stream, ({ _tag }) => Effect.sync(() => types.push(_tag))))
      yield* Effect.yieldNow()
      // The write of the new token is carried out, and its response is lost. Then the store cannot be read.
      const unanswered = new TokenStoreError({ reason: "WriteFailed", detail: "0 of 1 replicas have the record" })
      let isLost = false
      const losing: TokenStore.Service = {
        ...store,
        compareAndSet: (...write) =>
          Effect.flatMap(store.compareAndSet(...write), (stored) => {
            const loses = write[2].refreshStartedAt === undefined && !isLost
            isLost = isLost || loses
            state.readsFail = state.readsFail || loses
            return loses ? Effect.fail(unanswered) : Effect.succeed(stored)
          })
      }
      const source = yield* Effect.provideService(
        makeSource(losing, server.acquireToken),
        TokenEvents.TokenEvents,
        events
      )
      const refreshing = yield* Effect.fork(source.get)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(refreshing)
      expect([yield* storedIn(memory), types.includes("StoreFailed"), types.includes("Stored")]).toEqual([
        "canary-1",
        true,
        false
      ])
      state.readsFail = false
      yield* TestClock.adjust("1 second")
      expect(types.filter((type) => type === "Stored")).toHaveLength(1)
    })
  )
})

describe("TokenSource in a cluster after a process has exited during its refresh", () => {
  it.scoped.each([-3_600_000, 0, 3_600_000])(
    "sends the refresh token 4 seconds after it has seen the intent, with a clock that differs by %d ms",
    (difference) =>
      Effect.gen(function* () {
        const { memory, server, taker } = yield* twoProcesses
        yield* TestClock.adjust("2 hours")
        yield* exitsAfterIntent(memory, 7_200_000 + difference)
        const taking = yield* Effect.fork(taker.get)
        expect(yield* requestsBySecond(server, 4)).toEqual([0, 0, 0, 1])
        expect(nameOf(yield* Fiber.join(taking))).toBe("canary-1")
        expect(Option.getOrThrow(yield* memory.get(key)).token.refreshStartedAt).toBeUndefined()
      })
  )

  it.scoped.each([500, 1_500])(
    "sends the refresh token with a store of which each operation takes %d ms",
    (latencyMs) =>
      Effect.gen(function* () {
        const { memory, server, store } = yield* twoProcesses
        const slowly = <A, E, R>(operation: Effect.Effect<A, E, R>) =>
          Effect.zipRight(Effect.sleep(latencyMs), operation)
        const slow: TokenStore.Service = {
          ...store,
          get: (key) => slowly(store.get(key)),
          compareAndSet: (...write) => slowly(store.compareAndSet(...write)),
          withLock: (key) => (effect) => store.withLock(key)(slowly(effect))
        }
        yield* exitsAfterIntent(memory, 0)
        const { get } = yield* makeSource(slow, server.acquireToken)
        const taking = yield* Effect.fork(get)
        yield* TestClock.adjust("4 seconds")
        expect(server.sent).toEqual([])
        yield* TestClock.adjust("30 seconds")
        expect([nameOf(yield* Fiber.join(taking)), server.sent]).toEqual(["canary-1", ["canary-refresh-old"]])
      })
  )

  it.scoped("begins to wait again after a read that failed", () =>
    Effect.gen(function* () {
      const { memory, server, state, taker } = yield* twoProcesses
      yield* exitsAfterIntent(memory, 0)
      const first = yield* Effect.fork(Effect.flip(taker.get))
      yield* TestClock.adjust(2_500)
      state.readsFail = true
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(first)).toMatchObject({ _tag: "TokenStoreError", reason: "ReadFailed" })
      state.readsFail = false
      const second = yield* Effect.fork(taker.get)
      expect(yield* requestsBySecond(server, 4)).toEqual([0, 0, 0, 1])
      yield* Fiber.join(second)
    })
  )

  it.scoped("begins to wait again if it could not look for more than 2 seconds", () =>
    Effect.gen(function* () {
      const { memory, server, store, taker } = yield* twoProcesses
      yield* exitsAfterIntent(memory, 0)
      const taking = yield* Effect.fork(taker.get)
      yield* TestClock.adjust(1_500)
      yield* Effect.fork(store.withLock(key)(Effect.sleep("3 seconds")))
      yield* TestClock.adjust("3 seconds")
      expect(yield* requestsBySecond(server, 4)).toEqual([0, 0, 0, 1])
      yield* Fiber.join(taking)
    })
  )

  it.scoped("begins to wait again if another process writes an intent", () =>
    Effect.gen(function* () {
      const { memory, server, taker } = yield* twoProcesses
      yield* exitsAfterIntent(memory, 0)
      const taking = yield* Effect.fork(taker.get)
      yield* TestClock.adjust(3_500)
      yield* exitsAfterIntent(memory, 3_500)
      expect(yield* requestsBySecond(server, 5)).toEqual([0, 0, 0, 0, 1])
      yield* Fiber.join(taking)
    })
  )

  it.scoped("fails with Unavailable after 10 seconds if other processes begin one after the other", () =>
    Effect.gen(function* () {
      const { memory, server, taker } = yield* twoProcesses
      yield* exitsAfterIntent(memory, 0)
      const taking = yield* Effect.fork(Effect.flip(taker.get))
      for (let second = 0; second < 12; second++) {
        yield* TestClock.adjust("1 second")
        yield* exitsAfterIntent(memory, second)
      }
      expect(yield* Fiber.join(taking)).toMatchObject({ reason: "Unavailable", sent: "no", retryAt: 11_000 })
      expect(server.sent).toEqual([])
    })
  )

  it.scoped("sends the refresh token once if two processes believe that they hold the lock", () =>
    Effect.gen(function* () {
      const { memory, store } = yield* makeCluster
      yield* storeFromOtherProcess(memory, "old", 0)
      yield* exitsAfterIntent(memory, 0)
      const server = new StrictServer("canary-refresh-old")
      // A failover has lost the lock of the first process.
      const unlocked: TokenStore.Service = {
        ...store,
        compareAndSet: (...write) => Effect.delay(store.compareAndSet(...write), "100 millis"),
        withLock: () => (effect) => effect
      }
      const sources = [
        yield* makeSource(unlocked, server.acquireToken),
        yield* makeSource(unlocked, server.acquireToken)
      ]
      const taking = yield* Effect.fork(
        Effect.forEach(sources, ({ get }) => Effect.either(get), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(taking)
      expect([server.sent, server.isRevoked]).toEqual([["canary-refresh-old"], false])
    })
  )

  it.scoped("writes its own intent anew before it sends the refresh token again", () =>
    Effect.gen(function* () {
      const { memory, store } = yield* makeCluster
      yield* storeFromOtherProcess(memory, "old", 0)
      const lost = new TokenError({ reason: "Unavailable", sent: "maybe", detail: "the connection broke" })
      const versions: Array<number | undefined> = []
      const { mint } = scriptedTokens((n) =>
        Effect.flatMap(Effect.orDie(memory.get(key)), (record) => {
          versions.push(Option.getOrUndefined(record)?.version)
          return n <= 2 ? Effect.fail(lost) : token(n)
        })
      )
      const { get } = yield* makeSource(store, mint)
      yield* Effect.flip(get)
      yield* TestClock.adjust("1 second")
      expect(nameOf(yield* get)).toBe("canary-3")
      expect(versions).toEqual([2, 2, 3])
    })
  )
})

describe("TokenSource in a cluster after its lock was lost", () => {
  it.scoped("sends no token request, and reads the record again with the next attempt", () =>
    Effect.gen(function* () {
      const { memory, server, state, taker } = yield* twoProcesses
      state.isHeld = false
      const error = yield* Effect.flip(taker.get)
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable", sent: "no" })
      expect(error.message).toContain("the lock of the record was lost before the token request was sent")
      expect(server.sent).toEqual([])
      state.isHeld = true
      yield* TestClock.adjust("1 second")
      yield* storeFromOtherProcess(memory, "theirs", 3_600_000)
      expect([nameOf(yield* taker.get), server.sent]).toEqual(["canary-theirs", []])
    })
  )

  it.scoped("does not send the refresh token again after a lost response", () =>
    Effect.gen(function* () {
      const { state, store } = yield* makeCluster
      yield* storeFromOtherProcess(store, "old", 0)
      const lost = new TokenError({ reason: "Unavailable", sent: "maybe", detail: "the connection broke" })
      const { calls, mint } = scriptedTokens(() =>
        Effect.suspend(() => {
          state.isHeld = false
          return Effect.fail(lost)
        })
      )
      const { get } = yield* makeSource(store, mint)
      expect(yield* Effect.flip(get)).toBe(lost)
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("waits for the response to a request that was sent, and stores its token", () =>
    Effect.gen(function* () {
      const { memory, state, store } = yield* makeCluster
      yield* storeFromOtherProcess(store, "old", 0)
      const { mint } = scriptedTokens((n) => {
        state.isHeld = false
        return Effect.delay(token(n), "5 seconds")
      })
      const { get } = yield* makeSource(store, mint)
      const refreshing = yield* Effect.fork(get)
      yield* TestClock.adjust("5 seconds")
      expect([nameOf(yield* Fiber.join(refreshing)), yield* storedIn(memory)]).toEqual(["canary-1", "canary-1"])
    })
  )
})

describe("TokenSource without its record", () => {
  it.scoped("publishes RecordGone once, and does not use the refresh token in memory", () =>
    Effect.gen(function* () {
      const { memory, store } = yield* makeCluster
      const { publish, stream } = yield* TokenEvents.make
      const gone: Array<string | undefined> = []
      const events: TokenEvents.Service = {
        stream,
        publish: (event) => {
          if (event._tag === "RecordGone") gone.push(event.token)
          publish(event)
        }
      }
      const { calls, mint } = scriptedTokens()
      const source = yield* Effect.provideService(makeSource(store, mint), TokenEvents.TokenEvents, events)
      const { generation } = yield* source.get
      expect(gone).toEqual([])
      yield* memory.remove(key, 1)
      yield* source.onRejected(generation)
      expect(calls.map(({ previous }) => previous)).toEqual([undefined, undefined])
      expect(gone).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)])
      yield* source.onRejected((yield* source.get).generation)
      expect(gone).toHaveLength(1)
    })
  )

  it.scoped(
    "publishes RecordGone if the record disappears before a token is stored, and does not create it again",
    () =>
      Effect.gen(function* () {
        const { memory, state, store } = yield* makeCluster
        yield* storeFromOtherProcess(memory, "old", 0)
        const { publish, stream } = yield* TokenEvents.make
        const types: Array<TokenEvents.EventType> = []
        const events: TokenEvents.Service = { stream, publish: (event) => (types.push(event._tag), publish(event)) }
        const { mint } = scriptedTokens((n) => {
          state.writesFail = true
          return token(n)
        })
        const source = yield* Effect.provideService(makeSource(store, mint), TokenEvents.TokenEvents, events)
        const refreshing = yield* Effect.fork(source.get)
        // A hash may end after the clock was set, and the fiber would then wait for a time that has passed.
        yield* Effect.repeat(TestClock.adjust("500 millis"), {
          until: () => Effect.map(Fiber.poll(refreshing), Option.isSome)
        })
        yield* Fiber.join(refreshing)
        const { version } = Option.getOrThrow(yield* memory.get(key))
        yield* memory.remove(key, version)
        state.writesFail = false
        yield* TestClock.adjust("1 minute")
        expect(types.filter((type) => type === "RecordGone")).toHaveLength(1)
        expect(yield* storedIn(memory)).toBeUndefined()
      })
  )
})
