import type * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import {
  failingStore,
  key,
  scriptedTokens,
  nameOf,
  scriptedError,
  source,
  makeSource,
  storeFromOtherProcess,
  storedIn,
  times,
  token
} from "./support/tokenSource.js"

const lost = new TokenError({ reason: "Unavailable", sent: "maybe", detail: "the connection broke" })

/** The same store, declared as shared with other processes. */
const shared = (store: TokenStore.Service): TokenStore.Service => ({ ...store, lockScope: "host" })

/** Marks the record as another process does before a refresh that it never finishes. */
const begunBySibling = (store: TokenStore.Service, at: number) =>
  Effect.gen(function* () {
    const { token, version } = Option.getOrThrow(yield* store.get(key))
    yield* store.compareAndSet(key, version, { ...token, refreshStartedAt: at })
  })

const kept = (store: TokenStore.Service) =>
  Effect.map(
    store.get(key),
    Option.map(({ token }) => token)
  )

describe("TokenSource before it sends a refresh token", () => {
  it.scoped("stores refreshStartedAt, and removes it with the new token", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const { mint } = scriptedTokens((n) => Effect.delay(token(n), "1 second"))
      const { get } = yield* makeSource(store, mint)
      yield* TestClock.adjust("5 seconds")
      const asking = yield* Effect.fork(get)
      yield* TestClock.adjust("500 millis")
      expect(Option.getOrThrow(yield* kept(store))).toMatchObject({ refreshStartedAt: 5_000, expiresAt: 0 })
      expect(yield* storedIn(store)).toBe("canary-old")
      yield* TestClock.adjust("500 millis")
      yield* Fiber.join(asking)
      expect(Option.getOrThrow(yield* kept(store)).refreshStartedAt).toBeUndefined()
      expect(yield* storedIn(store)).toBe("canary-1")
    })
  )

  it.scoped("writes no refreshStartedAt without a refresh token", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      let writes = 0
      const store: TokenStore.Service = {
        ...memory,
        compareAndSet: (...write) => Effect.suspend(() => (writes++, memory.compareAndSet(...write)))
      }
      yield* Effect.flatMap(makeSource(store, scriptedTokens().mint), ({ get }) => get)
      expect(writes).toBe(1)
    })
  )

  it.scoped("replaces a rejected token although another process has set refreshStartedAt", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { calls, mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(store, mint)
      const held = yield* get
      yield* begunBySibling(store, 1)
      expect(yield* onRejected(held.generation)).toBe(true)
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls).toHaveLength(2)
    })
  )
})

describe("TokenSource after a lost refresh response", () => {
  it.scoped("sends the same refresh token once more and uses the response", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const { calls, mint } = scriptedTokens((n) => (n === 1 ? Effect.fail(lost) : token(n)))
      const { get } = yield* makeSource(store, mint)
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls.map(({ previous }) => previous)).toEqual(["canary-refresh-old", "canary-refresh-old"])
    })
  )

  it.scoped("fails after two lost responses and sends no third request at once", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const { calls, mint } = scriptedTokens(() => Effect.fail(lost))
      const { get } = yield* makeSource(store, mint)
      for (let n = 0; n < 100; n++) expect(yield* Effect.flip(get)).toBe(lost)
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("fails with ReauthorizationRequired if the server rejects the refresh token sent again", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const { calls, mint } = scriptedTokens((n) =>
        Effect.fail(n === 1 ? lost : scriptedError("ReauthorizationRequired"))
      )
      const { get } = yield* makeSource(store, mint)
      for (let n = 0; n < 100; n++) expect((yield* Effect.flip(get)).reason).toBe("ReauthorizationRequired")
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("sends the refresh token once for a refresh that another process did not finish", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      yield* begunBySibling(store, 1)
      const { calls, mint } = scriptedTokens(() => Effect.fail(lost))
      const { get } = yield* makeSource(store, mint)
      expect(yield* Effect.flip(get)).toBe(lost)
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("waits for the timeout twice if the first request hangs", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const { calls, mint } = scriptedTokens((n) => (n === 1 ? Effect.never : token(n)))
      const { get } = yield* makeSource(store, mint, { timeout: "5 seconds" })
      const asking = yield* Effect.fork(get)
      yield* TestClock.adjust("5 seconds")
      expect(nameOf(yield* Fiber.join(asking))).toBe("canary-2")
      expect(calls.map(({ at }) => at)).toEqual([0, 5_000])
    })
  )

  it.scoped("sends no second request without a refresh token", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens(() => Effect.fail(lost))
      const { get } = yield* source(mint)
      yield* Effect.flip(get)
      expect(calls).toHaveLength(1)
    })
  )
})

describe("TokenSource with a shared store", () => {
  it.scoped("waits four seconds for the refresh of another process, then refreshes once", () =>
    Effect.gen(function* () {
      const store = shared(yield* TokenStore.makeMemory)
      yield* storeFromOtherProcess(store, "old", 0)
      yield* begunBySibling(store, 0)
      const { calls, mint } = scriptedTokens(() => Effect.fail(lost))
      const { get } = yield* makeSource(store, mint)
      for (let second = 0; second < 4; second++) {
        expect((yield* Effect.flip(get)).message).toContain("another process has started")
        yield* TestClock.adjust("1 second")
      }
      expect(yield* Effect.flip(get)).toBe(lost)
      expect(calls.map(({ at }) => at)).toEqual([4_000])
    })
  )

  it.scoped("uses the token that another process stores meanwhile, without a token request", () =>
    Effect.gen(function* () {
      const store = shared(yield* TokenStore.makeMemory)
      yield* storeFromOtherProcess(store, "old", 0)
      yield* begunBySibling(store, 0)
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(store, mint)
      yield* Effect.flip(get)
      yield* TestClock.adjust("3 seconds")
      yield* storeFromOtherProcess(store, "theirs")
      yield* TestClock.adjust("1 second")
      expect(nameOf(yield* get)).toBe("canary-theirs")
      expect(calls).toEqual([])
    })
  )

  it.scoped("does not wait for a refreshStartedAt in the future", () =>
    Effect.gen(function* () {
      const store = shared(yield* TokenStore.makeMemory)
      yield* storeFromOtherProcess(store, "old", 0)
      yield* begunBySibling(store, 3_600_000)
      const { get } = yield* makeSource(store, scriptedTokens().mint)
      expect(nameOf(yield* get)).toBe("canary-1")
    })
  )

  it.scoped("sends the refresh token only after refreshStartedAt was written", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(memory, "old", 0)
      const { service, state } = failingStore(memory)
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(shared(service), mint)
      expect(yield* Effect.flip(get)).toMatchObject({ _tag: "TokenStoreError", reason: "WriteFailed" })
      state.broken = false
      expect(nameOf(yield* get)).toBe("canary-1")
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("retries a failed write under the lock, so that no process reads the old refresh token", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(memory, "old", 0)
      let fails = 2
      const full = new TokenStoreError({ reason: "WriteFailed", detail: "the disk is full" })
      let inside = false
      const at: Array<boolean> = []
      const store: TokenStore.Service = {
        ...shared(memory),
        withLock: (key) => (effect) =>
          memory.withLock(key)(
            Effect.acquireUseRelease(
              Effect.sync(() => (inside = true)),
              () => effect,
              () => Effect.sync(() => (inside = false))
            )
          ),
        compareAndSet: (...write) =>
          Effect.suspend(() => {
            if (write[2].refreshStartedAt !== undefined) return memory.compareAndSet(...write)
            at.push(inside)
            return fails-- > 0 ? Effect.fail(full) : memory.compareAndSet(...write)
          })
      }
      const { get } = yield* makeSource(store, scriptedTokens().mint)
      const asking = yield* Effect.fork(get)
      yield* TestClock.adjust("300 millis")
      expect(nameOf(yield* Fiber.join(asking))).toBe("canary-1")
      expect([at, yield* storedIn(memory)]).toEqual([[true, true, true], "canary-1"])
    })
  )

  it.scoped("reads the record again if another process changes it without the lock", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(memory, "old", 0)
      let rude = true
      const store: TokenStore.Service = {
        ...memory,
        compareAndSet: (...write) =>
          Effect.suspend(() => {
            const first = rude ? Effect.orDie(storeFromOtherProcess(memory, "rude", 60_000)) : Effect.void
            rude = false
            return Effect.zipRight(first, memory.compareAndSet(...write))
          })
      }
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(store, mint)
      expect((yield* Effect.flip(get)).message).toContain("without taking the lock")
      yield* TestClock.adjust("1 second")
      expect(nameOf(yield* get)).toBe("canary-rude")
      expect(calls).toEqual([])
    })
  )
})

describe("TokenSource without a valid token", () => {
  it.scoped("retries an unavailable server after 1, 2, 4 … and finally every 30 seconds", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens(() => Effect.fail(scriptedError("Unavailable")))
      const { get } = yield* source(mint)
      for (let half = 0; half < 240; half++) {
        yield* times(10, Effect.flip(get))
        yield* TestClock.adjust("500 millis")
      }
      expect(calls.map(({ at }) => at / 1000)).toEqual([0, 1, 3, 7, 15, 31, 61, 91])
    })
  )

  it.scoped("limits refreshes of a rejected token while the server is unavailable", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) =>
        n === 1 ? token(n, 3_600_000) : Effect.fail(scriptedError("Unavailable"))
      )
      const { get, onRejected } = yield* source(mint)
      const { generation } = yield* get
      for (let second = 0; second < 10; second++) {
        yield* times(100, Effect.flip(onRejected(generation)))
        yield* TestClock.adjust("1 second")
      }
      expect(calls.map(({ at }) => at)).toEqual([0, 0, 1_000, 3_000, 7_000])
    })
  )
})

describe("TokenSource and the stored record", () => {
  const issued = { issuer: "https://auth.test", client: "c", account: "a" }

  it.scoped("stores tokenOwner with the token", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* Effect.flatMap(makeSource(store, scriptedTokens().mint, { tokenOwner: issued }), ({ get }) => get)
      expect(Option.getOrThrow(yield* kept(store)).owner).toEqual(issued)
    })
  )

  it.scoped.each<readonly [string, Token.TokenOwner]>([
    ["issuer", { ...issued, issuer: "https://other.test" }],
    ["client", { ...issued, client: "d" }],
    ["account", { ...issued, account: undefined }],
    ["audience", { ...issued, audience: "https://api.test" }]
  ])("fails with OwnerMismatch for a record of another %s, and keeps the record", ([, other]) =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* Effect.flatMap(token("theirs"), (theirs) => store.compareAndSet(key, 0, { ...theirs, owner: other }))
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(store, mint, { tokenOwner: issued })
      const error = yield* Effect.flip(get)
      expect(error).toMatchObject({ _tag: "TokenStoreError", reason: "OwnerMismatch" })
      expect(error.message).toContain("give each its own key")
      expect([calls, yield* storedIn(store)]).toEqual([[], "canary-theirs"])
    })
  )

  it.scoped("does not use the refresh token in memory after the record was removed", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { calls, mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(store, mint)
      const { generation } = yield* get
      yield* store.remove(key, 1)
      yield* onRejected(generation)
      expect(calls.map(({ previous }) => previous)).toEqual([undefined, undefined])
    })
  )

  it.scoped("uses the token of a recreated store although its version is lower", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      const anew = yield* TokenStore.makeMemory
      let current = memory
      const store: TokenStore.Service = {
        ...memory,
        get: (key) => Effect.suspend(() => current.get(key)),
        compareAndSet: (...write) => Effect.suspend(() => current.compareAndSet(...write))
      }
      const { mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(store, mint)
      const first = yield* get
      yield* onRejected(first.generation)
      const second = yield* get
      yield* storeFromOtherProcess(anew, "signed-in")
      current = anew
      yield* onRejected(second.generation)
      expect(nameOf(yield* get)).toBe("canary-signed-in")
    })
  )
})

describe("TokenSource with a store that hangs", () => {
  it.scoped("serves a valid token if reads hang, and fails after 15 seconds without one", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      let hangs = false
      const store: TokenStore.Service = {
        ...memory,
        get: (key) => Effect.suspend(() => (hangs ? Effect.uninterruptible(Effect.never) : memory.get(key)))
      }
      const { mint } = scriptedTokens((n) => token(n, 600_000))
      const { get } = yield* makeSource(store, mint)
      yield* get
      hangs = true
      yield* TestClock.adjust("575 seconds")
      const serving = yield* Effect.fork(get)
      yield* TestClock.adjust("15 seconds")
      expect(nameOf(yield* Fiber.join(serving))).toBe("canary-1")
      yield* TestClock.adjust("10 seconds")
      const failing = yield* Effect.fork(Effect.flip(get))
      yield* TestClock.adjust("15 seconds")
      expect(yield* Fiber.join(failing)).toMatchObject({ reason: "ReadFailed" })
    })
  )

  it.scoped("returns the token after a write of 15 seconds, and stores it later", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      let hangs = true
      const store: TokenStore.Service = {
        ...memory,
        compareAndSet: (...write) => Effect.suspend(() => (hangs ? Effect.never : memory.compareAndSet(...write)))
      }
      const { get } = yield* makeSource(store, scriptedTokens().mint)
      const asking = yield* Effect.fork(get)
      yield* TestClock.adjust("15 seconds")
      expect(nameOf(yield* Fiber.join(asking))).toBe("canary-1")
      hangs = false
      yield* TestClock.adjust("1 second")
      expect(yield* storedIn(memory)).toBe("canary-1")
    })
  )

  it.scoped("fails with LockTimeout after 2 minutes and never sends the token request", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      const store: TokenStore.Service = {
        ...memory,
        withLock: () => (effect) => Effect.uninterruptible(Effect.delay(effect, "10 minutes"))
      }
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(store, mint)
      const asking = yield* Effect.fork(Effect.flip(get))
      yield* TestClock.adjust("2 minutes")
      expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "TokenStoreError", reason: "LockTimeout" })
      yield* TestClock.adjust("20 minutes")
      expect(calls).toEqual([])
    })
  )

  it.scoped("recognizes its own token after a write that failed although it was stored", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      let first = true
      const slow = new TokenStoreError({ reason: "WriteFailed", detail: "it took too long" })
      const store: TokenStore.Service = {
        ...memory,
        compareAndSet: (...write) =>
          Effect.flatMap(memory.compareAndSet(...write), (stored) => {
            if (!first) return Effect.succeed(stored)
            first = false
            return Effect.fail(slow)
          })
      }
      const { calls, mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(store, mint)
      const { generation } = yield* get
      yield* TestClock.adjust("1 second")
      yield* onRejected(generation)
      expect(calls.map(({ previous }) => previous)).toEqual([undefined, "canary-refresh-1"])
      expect(yield* storedIn(memory)).toBe("canary-2")
    })
  )

  it.scoped("stores the new token if the write of refreshStartedAt was stored although it failed", () =>
    Effect.gen(function* () {
      const memory = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(memory, "old", 0)
      const slow = new TokenStoreError({ reason: "WriteFailed", detail: "the folder could not be flushed" })
      const store: TokenStore.Service = {
        ...memory,
        compareAndSet: (...write) =>
          Effect.flatMap(memory.compareAndSet(...write), (stored) =>
            write[2].refreshStartedAt === undefined ? Effect.succeed(stored) : Effect.fail(slow)
          )
      }
      const { calls, mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(store, mint)
      yield* onRejected((yield* get).generation)
      expect(yield* storedIn(memory)).toBe("canary-2")
      expect(calls.map(({ previous }) => previous)).toEqual(["canary-refresh-old", "canary-refresh-1"])
    })
  )
})
