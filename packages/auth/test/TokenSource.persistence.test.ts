import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import {
  failingStore,
  canary,
  key,
  logging,
  scriptedTokens,
  nameOf,
  makeSource,
  storeFromOtherProcess,
  storedIn,
  token
} from "./support/tokenSource.js"

describe("TokenSource with a store that cannot be written", () => {
  it.scoped("serves the token from memory, logs without it, and stores it once writes succeed", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { service, state } = failingStore(store)
      const { calls, mint } = scriptedTokens()
      const { get } = yield* makeSource(service, mint)
      expect(nameOf(yield* get)).toBe("canary-1")
      expect(nameOf(yield* get)).toBe("canary-1")
      expect(lines.join("\n")).toContain("the disk is full")
      expect(lines.join("\n")).not.toContain(canary)

      // Writes are retried after 1 second, 1, 2, 4 … and finally every minute.
      yield* TestClock.adjust("1 second")
      expect(state.writes).toBe(2)
      yield* TestClock.adjust("3 seconds")
      expect(state.writes).toBe(4)
      yield* TestClock.adjust("10 minutes")
      const before = state.writes
      yield* TestClock.adjust("3 minutes")
      expect(state.writes).toBe(before + 3)

      state.broken = false
      expect(yield* storedIn(store)).toBeUndefined()
      yield* TestClock.adjust("1 minute")
      expect(yield* storedIn(store)).toBe("canary-1")
      yield* TestClock.adjust("1 hour")
      expect([state.writes, calls.length]).toEqual([before + 4, 1])
    }).pipe(logging(lines))
  })

  it.effect("stores the token when the scope closes", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { service, state } = failingStore(store)
      const scope = yield* Scope.make()
      const { get } = yield* Scope.extend(makeSource(service, scriptedTokens().mint), scope)
      yield* get
      yield* TestClock.adjust("5 seconds")
      state.broken = false
      yield* Scope.close(scope, Exit.void)
      expect(yield* storedIn(store)).toBe("canary-1")
    })
  )

  it.effect("stores a token that arrives while the scope closes", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { service, state } = failingStore(store)
      const scope = yield* Scope.make()
      const { mint } = scriptedTokens((n) => Effect.delay(token(n), "1 second"))
      const { get } = yield* Scope.extend(makeSource(service, mint), scope)
      const asking = yield* Effect.fork(
        Effect.ensuring(
          get,
          Effect.sync(() => (state.broken = false))
        )
      )
      yield* Effect.yieldNow()
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(asking)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      expect(yield* storedIn(store)).toBe("canary-1")
    })
  )

  it.effect("logs an error if the token cannot be stored when the scope closes", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { service } = failingStore(yield* TokenStore.makeMemory)
      const scope = yield* Scope.make()
      const { get } = yield* Scope.extend(makeSource(service, scriptedTokens().mint), scope)
      yield* get
      yield* Scope.close(scope, Exit.void)
      expect(lines.filter((line) => line.startsWith("ERROR")).join("\n")).toContain("is lost with this process")
      expect(lines.join("\n")).not.toContain(canary)
    }).pipe(logging(lines))
  })

  it.effect("waits at most 15 seconds for the lock of a store that hangs when the scope closes", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { service } = failingStore(yield* TokenStore.makeMemory)
      let hangs = false
      const hanging: TokenStore.Service = {
        ...service,
        withLock: (name) => (effect) => (hangs ? Effect.never : service.withLock(name)(effect))
      }
      const scope = yield* Scope.make()
      const { get } = yield* Scope.extend(makeSource(hanging, scriptedTokens().mint), scope)
      yield* get
      hangs = true
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("14 seconds")
      expect(closing.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      expect(lines.join("\n")).toContain("storing the newest token took longer than 15s")
    }).pipe(logging(lines))
  })

  it.scoped("refreshes with the token in memory, not with the one in the store", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "kept", 0)
      const { service } = failingStore(store)
      const { calls, mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(service, mint)
      yield* onRejected((yield* get).generation)
      expect(nameOf(yield* get)).toBe("canary-2")
      expect(calls.map(({ previous }) => previous)).toEqual(["canary-refresh-kept", "canary-refresh-1"])
    })
  )

  it.scoped("does not store the token after its successor was stored", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { service, state } = failingStore(store)
      const { calls, mint } = scriptedTokens()
      const { get, onRejected } = yield* makeSource(service, mint)
      const first = yield* get
      state.broken = false
      yield* onRejected(first.generation)
      expect(yield* storedIn(store)).toBe("canary-2")
      yield* onRejected((yield* get).generation)
      yield* TestClock.adjust("10 minutes")
      expect(calls.map(({ previous }) => previous)).toEqual([undefined, "canary-refresh-1", "canary-refresh-2"])
      // One write failed. Each of the two refreshes writes its start and its result.
      expect([yield* storedIn(store), state.writes]).toEqual(["canary-3", 5])
    })
  )

  it.scoped("does not store the token during a refresh, so that the successor can be stored", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { service, state } = failingStore(store)
      const { mint } = scriptedTokens((n) => (n === 1 ? token(n) : Effect.delay(token(n), "5 seconds")))
      const { get, onRejected } = yield* makeSource(service, mint)
      const first = yield* get
      const renewing = yield* Effect.fork(onRejected(first.generation))
      yield* Effect.yieldNow()
      state.broken = false
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(renewing)
      yield* TestClock.adjust("10 minutes")
      expect(yield* storedIn(store)).toBe("canary-2")
    })
  )

  it.scoped("does not overwrite a token that another process has stored meanwhile", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const { service, state } = failingStore(store)
      const { get } = yield* makeSource(service, scriptedTokens().mint)
      yield* get
      yield* storeFromOtherProcess(store, "sibling")
      state.broken = false
      yield* TestClock.adjust("1 minute")
      expect(yield* storedIn(store)).toBe("canary-sibling")
      expect(nameOf(yield* get)).toBe("canary-1")
      expect(state.writes).toBe(2)
      expect(lines.join("\n")).toContain("Another process has stored a token")
    }).pipe(logging(lines))
  })
})

describe("TokenSource with a store that cannot be read", () => {
  it.scoped("fails with the error of the store while there is no token in memory", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      let broken = true
      const unreadable = new TokenStoreError({ reason: "Corrupt", detail: "it is no token file" })
      const { calls, mint } = scriptedTokens((n) => token(n, 60_000))
      const { get } = yield* makeSource(
        { ...store, get: (name) => Effect.suspend(() => (broken ? Effect.fail(unreadable) : store.get(name))) },
        mint
      )
      expect(yield* Effect.flip(get)).toBe(unreadable)
      broken = false
      yield* get
      broken = true
      yield* TestClock.adjust("55 seconds")
      expect(nameOf(yield* get)).toBe("canary-1")
      yield* TestClock.adjust("5 seconds")
      expect(yield* Effect.flip(get)).toBe(unreadable)
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("fails with LockTimeout and sends no token request if the lock is busy", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      const busy = new TokenStoreError({ reason: "LockTimeout", detail: "another process holds on" })
      const { calls, mint } = scriptedTokens()
      const source = TokenSource.make({ key, acquireToken: mint })
      const { get } = yield* Effect.provideService(source, TokenStore.TokenStore, {
        ...store,
        withLock: () => () => Effect.fail(busy)
      })
      expect(yield* Effect.flip(get)).toBe(busy)
      expect(calls).toEqual([])
    })
  )
})
