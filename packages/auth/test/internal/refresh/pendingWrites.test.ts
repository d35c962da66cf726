import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as PendingWrites from "../../../src/internal/refresh/pendingWrites.js"
import * as PersistenceState from "../../../src/internal/refresh/persistenceState.js"
import type { Acquire, Source } from "../../../src/internal/refresh/source.js"
import { initial } from "../../../src/internal/refresh/source.js"
import { refreshSource } from "../../support/refreshSource.js"
import { key, scriptedError, storeFromOtherProcess, storedIn, token } from "../../support/tokenSource.js"

const full = new TokenStoreError({ reason: "WriteFailed", detail: "the disk is full" })

/** A store that fails its first writes or hangs in them, and the number of its writes. */
const failing = (fails: number, outcome: Effect.Effect<never, TokenStoreError> = Effect.fail(full)) => {
  const counter = { writes: 0 }
  const wrap = (memory: TokenStore.Service): TokenStore.Service => ({
    ...memory,
    compareAndSet: (...write) =>
      Effect.suspend(() => (++counter.writes <= fails ? outcome : memory.compareAndSet(...write)))
  })
  return { counter, wrap }
}

/** Acquires the token `canary-n` into memory, as the decorator `caching` does. */
const acquiring =
  (source: Source, n: number, outcome: Effect.Effect<void, TokenStoreError> = Effect.void): Acquire<never> =>
  () =>
    Effect.tap(token(n), (token) => {
      const write = {
        token,
        expectedVersion: PersistenceState.versionOf(source.persistence.current),
        previous: undefined
      }
      source.persistence.current = PersistenceState.acquired(source.persistence.current, write)
      return outcome
    })

const make = (wrap?: (memory: TokenStore.Service) => TokenStore.Service) =>
  Effect.gen(function* () {
    const { memory, source, types } = yield* refreshSource(wrap)
    const writes = yield* PendingWrites.make(source)
    return { memory, source, types, persist: PendingWrites.persisting(writes) }
  })

describe("persisting", () => {
  it.scoped("stores the token that was acquired", () =>
    Effect.gen(function* () {
      const { memory, persist, source, types } = yield* make()
      yield* persist(acquiring(source, 1))(initial)
      expect([yield* storedIn(memory), source.persistence.current, types]).toEqual([
        "canary-1",
        { _tag: "Clean", version: 1 },
        ["Stored"]
      ])
    })
  )

  it.scoped("stores the refresh token of a rejected response, and fails with its error", () =>
    Effect.gen(function* () {
      const { memory, persist, source } = yield* make()
      const rejected = scriptedError("InvalidResponse")
      const acquire: Acquire<never> = (request) => Effect.zipRight(acquiring(source, 1)(request), Effect.fail(rejected))
      expect(yield* Effect.flip(persist(acquire)(initial))).toBe(rejected)
      expect(yield* storedIn(memory)).toBe("canary-1")
    })
  )

  it.scoped("writes nothing after a failure, although an earlier token is not saved", () =>
    Effect.gen(function* () {
      const { counter, wrap } = failing(Number.POSITIVE_INFINITY)
      const { persist, source } = yield* make(wrap)
      yield* persist(acquiring(source, 1))(initial)
      expect([counter.writes, source.persistence.current._tag]).toEqual([1, "Unsaved"])
      yield* Effect.flip(persist(() => Effect.fail(full))(initial))
      expect(counter.writes).toBe(1)
    })
  )

  it.scoped("returns the token although it cannot be written, and retries after 1, 1, 2 and 4 seconds", () =>
    Effect.gen(function* () {
      const { counter, wrap } = failing(4)
      const { memory, persist, source, types } = yield* make(wrap)
      yield* persist(acquiring(source, 1))(initial)
      const writes: Array<number> = []
      for (let second = 0; second <= 8; second++) {
        writes.push(counter.writes)
        yield* TestClock.adjust("1 second")
      }
      expect(writes).toEqual([1, 2, 3, 3, 4, 4, 4, 4, 5])
      expect([yield* storedIn(memory), types]).toEqual(["canary-1", ["StoreFailed", "Stored"]])
    })
  )

  it.scoped("retries twice under the lock for a shared record", () =>
    Effect.gen(function* () {
      const { counter, wrap } = failing(2)
      const { memory, persist, source } = yield* make((memory) => ({ ...wrap(memory), lockScope: "host" }))
      const fiber = yield* Effect.fork(persist(acquiring(source, 1))(initial))
      yield* TestClock.adjust("300 millis")
      yield* Fiber.join(fiber)
      expect([yield* storedIn(memory), counter.writes]).toEqual(["canary-1", 3])
    })
  )

  it.scoped("retries only the newest token", () =>
    Effect.gen(function* () {
      const { counter, wrap } = failing(2)
      const { memory, persist, source } = yield* make(wrap)
      yield* persist(acquiring(source, 1))(initial)
      yield* TestClock.adjust("500 millis")
      yield* persist(acquiring(source, 2))(initial)
      yield* TestClock.adjust("500 millis")
      expect(yield* storedIn(memory)).toBeUndefined()
      yield* TestClock.adjust("1 hour")
      expect([yield* storedIn(memory), counter.writes]).toEqual(["canary-2", 3])
    })
  )

  it.scoped.each([
    ["before the write", Effect.never, 0],
    ["during the write", Effect.void, 1]
  ] as const)("stores the token later if it is interrupted %s", ([, outcome, fails]) =>
    Effect.gen(function* () {
      const { wrap } = failing(fails, Effect.never)
      const { memory, persist, source, types } = yield* make(wrap)
      const fiber = yield* Effect.fork(persist(acquiring(source, 1, outcome))(initial))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      expect([yield* storedIn(memory), types]).toEqual(["canary-1", ["StoreFailed", "Stored"]])
    })
  )

  it.scoped("lets the write be interrupted in an uninterruptible region", () =>
    Effect.gen(function* () {
      const { wrap } = failing(1, Effect.never)
      const { memory, persist, source } = yield* make(wrap)
      const fiber = yield* Effect.fork(Effect.uninterruptible(persist(acquiring(source, 1))(initial)))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      expect(yield* storedIn(memory)).toBe("canary-1")
    })
  )

  it.scoped.each([
    ["keeps the record of another process", "theirs", "canary-theirs"],
    ["recognizes its own token", "1", "canary-1"]
  ] as const)("%s if the version has changed", ([, text, expected]) =>
    Effect.gen(function* () {
      const { memory, persist, source, types } = yield* make()
      const acquire: Acquire<never> = (request) =>
        Effect.zipLeft(acquiring(source, 1)(request), Effect.orDie(storeFromOtherProcess(memory, text)))
      yield* persist(acquire)(initial)
      expect([yield* storedIn(memory), source.persistence.current._tag]).toEqual([expected, "Clean"])
      expect(types).toEqual(text === "1" ? ["Stored"] : [])
    })
  )

  it.scoped("replaces the record if it still has the previous token", () =>
    Effect.gen(function* () {
      const { memory, persist, source } = yield* make()
      yield* storeFromOtherProcess(memory, "old")
      yield* storeFromOtherProcess(memory, "old")
      const { token: previous } = Option.getOrThrow(yield* memory.get(key))
      const acquire: Acquire<never> = () =>
        Effect.tap(token(1), (token) => {
          const write = { token, expectedVersion: 1, previous }
          source.persistence.current = PersistenceState.acquired(source.persistence.current, write)
          return Effect.void
        })
      yield* persist(acquire)(initial)
      expect([yield* storedIn(memory), source.persistence.current]).toEqual(["canary-1", { _tag: "Clean", version: 3 }])
    })
  )

  it.effect("tries a last time to store the token when its scope closes", () =>
    Effect.gen(function* () {
      const { counter, wrap } = failing(1)
      const scope = yield* Scope.make()
      const { memory, persist, source } = yield* Scope.extend(make(wrap), scope)
      yield* persist(acquiring(source, 1))(initial)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 hour")
      expect([yield* storedIn(memory), counter.writes]).toEqual(["canary-1", 2])
    })
  )
})
