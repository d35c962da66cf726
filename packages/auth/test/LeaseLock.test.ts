import * as LeaseLock from "@countersign/auth/LeaseLock"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Engine from "./support/leaseEngine.js"
import { Machine } from "./support/machine.js"
import { makeSource, nameOf, scriptedTokens } from "./support/tokenSource.js"

const name = "account"
const isHeld = Effect.flatMap(TokenStore.Lease, ({ isHeld }) => isHeld)
const withoutJitter = Effect.withRandom(Random.fixed([0.999_999_999]))

/** A process that holds the lock until `end`, and whether its lease is held. */
const holding = (withLock: TokenStore.Service["withLock"]) =>
  Effect.gen(function* () {
    const end = yield* Deferred.make<void>()
    const lease = yield* Deferred.make<Effect.Effect<boolean>>()
    const body = Effect.flatMap(TokenStore.Lease, ({ isHeld }) => Deferred.succeed(lease, isHeld))
    const fiber = yield* Effect.fork(withLock(name)(Effect.zipRight(body, Deferred.await(end))))
    return {
      fiber,
      isHeld: Effect.flatten(Deferred.await(lease)),
      end: Effect.zipRight(Deferred.succeed(end, undefined), Fiber.join(fiber))
    }
  })

describe("LeaseLock.make", () => {
  it.effect("acquires the lock for one owner, and releases it afterwards", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const withLock = LeaseLock.make(engine.backing)
      const owner = yield* withLock(name)(Effect.sync(() => engine.ownerOf(name)))
      expect(engine.requests.map(({ operation, owner }) => [operation, owner])).toEqual([
        ["acquire", owner],
        ["release", owner]
      ])
      expect(engine.ownerOf(name)).toBeUndefined()
      yield* withLock(name)(Effect.void)
      expect(engine.requests.at(-1)?.owner).not.toBe(owner)
    })
  )

  it.effect("releases the lock if the effect fails, and passes its error on", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      expect(yield* Effect.flip(LeaseLock.make(engine.backing)(name)(Effect.fail("scripted")))).toBe("scripted")
      expect(engine.ownerOf(name)).toBeUndefined()
    })
  )

  it.effect("asks after 5 ms, then at growing intervals up to 100 ms, until another process releases the lock", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.give(name, "other", 600)
      const fiber = yield* Effect.fork(LeaseLock.make(engine.backing)(name)(isHeld))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toBe(true)
      const times = engine.timesOf("acquire")
      expect(times.slice(1).map((time, n) => time - (times[n] ?? 0))).toEqual([
        ...[5, 8, 12, 17, 26, 38, 57, 86],
        ...[100, 100, 100, 100]
      ])
    }).pipe(withoutJitter)
  )

  it.effect("shortens the pauses by up to half at random", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.give(name, "other", 7)
      const fiber = yield* Effect.fork(LeaseLock.make(engine.backing)(name)(isHeld))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      expect(engine.timesOf("acquire").slice(0, 3)).toEqual([0, 3, 7])
    }).pipe(Effect.withRandom(Random.fixed([0])))
  )

  it.effect("lets one fiber of a process ask the engine, and the others in the order of their requests", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const withLock = LeaseLock.make(engine.backing)
      const order: Array<number> = []
      const fiber = yield* Effect.fork(
        Effect.forEach(
          [1, 2, 3, 4, 5],
          (n) =>
            withLock(name)(
              Effect.delay(
                Effect.sync(() => order.push(n)),
                "1 second"
              )
            ),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(fiber)
      expect(order).toEqual([1, 2, 3, 4, 5])
      expect(engine.timesOf("acquire")).toEqual([0, 1_000, 2_000, 3_000, 4_000])
    })
  )

  it.effect("does not let the lock of one name exclude another name", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const withLock = LeaseLock.make(engine.backing)
      expect(yield* withLock("one")(withLock("two")(isHeld))).toBe(true)
    })
  )

  it.effect("fails with LockTimeout after lockTimeout if another process holds the lock", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.give(name, "other", 60_000)
      const fiber = yield* Effect.fork(
        Effect.flip(LeaseLock.make(engine.backing, { lockTimeout: "2 seconds" })(name)(isHeld))
      )
      yield* TestClock.adjust("2200 millis")
      const error = yield* Fiber.join(fiber)
      expect(error).toMatchObject({ _tag: "TokenStoreError", reason: "LockTimeout" })
      expect(error.message).toBe(
        "The token store failed: the lock of the record was not acquired within 2s: another process holds it. " +
          "Try again, or increase `lockTimeout`."
      )
      expect(engine.timesOf("acquire").at(-1)).toBeGreaterThanOrEqual(2_000)
    })
  )

  it.effect("tries once if lockTimeout is zero", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const withLock = LeaseLock.make(engine.backing, { lockTimeout: 0 })
      engine.give(name, "other", 1)
      expect(yield* Effect.flip(withLock(name)(isHeld))).toMatchObject({ reason: "LockTimeout" })
      expect(engine.timesOf("acquire")).toEqual([0])
      yield* TestClock.adjust("1 second")
      expect(yield* withLock(name)(isHeld)).toBe(true)
    })
  )

  it.effect("fails with LockTimeout if a fiber of the process holds the lock for longer than lockTimeout", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const withLock = LeaseLock.make(engine.backing, { lockTimeout: "2 seconds" })
      const holder = yield* holding(withLock)
      yield* Effect.yieldNow()
      const fiber = yield* Effect.fork(Effect.flip(withLock(name)(isHeld)))
      yield* TestClock.adjust("2 seconds")
      expect((yield* Fiber.join(fiber)).message).toContain("another fiber of this process holds it")
      yield* holder.end
    })
  )

  it.effect.each(["0 seconds", "Infinity"] as const)("fails with WriteFailed for a lease of %s", (lease) =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const withLock = LeaseLock.make(engine.backing, { lease: lease === "Infinity" ? Duration.infinity : lease })
      const error = yield* Effect.flip(withLock(name)(isHeld))
      expect(error).toMatchObject({ reason: "WriteFailed" })
      expect(error.message).toContain("Set a positive, finite duration")
      expect(engine.requests).toEqual([])
    })
  )
})

describe("TokenStore.Lease under a LeaseLock", () => {
  it.effect("reports a held lock outside of any lock", () => Effect.map(isHeld, (held) => expect(held).toBe(true)))

  it.effect("renews the lease after each third of it", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const holder = yield* holding(LeaseLock.make(engine.backing))
      yield* TestClock.adjust("95 seconds")
      expect(engine.timesOf("renew")).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => n * 10_000))
      expect(yield* holder.isHeld).toBe(true)
      yield* holder.end
      yield* TestClock.adjust("1 hour")
      expect(engine.timesOf("renew")).toHaveLength(9)
      expect(engine.ownerOf(name)).toBeUndefined()
    })
  )

  it.effect("reports a lost lock after 90 % of the lease if renewals fail, and does not interrupt the effect", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = (operation) => (operation === "renew" ? "lost" : "executed")
      const holder = yield* holding(LeaseLock.make(engine.backing))
      yield* TestClock.adjust(26_999)
      expect(yield* holder.isHeld).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* holder.isHeld).toBe(false)
      yield* TestClock.adjust("1 minute")
      expect(engine.timesOf("renew")).toEqual([10_000, 20_000])
      yield* holder.end
    })
  )

  it.effect("reports a held lock again if a renewal has its response before the end of the lease", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = (operation) => (operation === "renew" ? "lost" : "executed")
      const holder = yield* holding(LeaseLock.make(engine.backing, { lease: "6 seconds" }))
      yield* TestClock.adjust("3 seconds")
      engine.fate = () => "executed"
      engine.latency = () => [0, 1_700]
      yield* TestClock.adjust(2_500)
      expect(yield* holder.isHeld).toBe(false)
      yield* TestClock.adjust(300)
      expect(yield* holder.isHeld).toBe(true)
      engine.latency = () => [0, 0]
      yield* holder.end
    })
  )

  it.effect("counts from before the request was sent", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.latency = () => [0, 4_000]
      const holder = yield* holding(LeaseLock.make(engine.backing))
      yield* TestClock.adjust("4 seconds")
      engine.fate = () => "lost"
      engine.latency = () => [0, 0]
      yield* TestClock.adjust(22_999)
      expect(yield* holder.isHeld).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* holder.isHeld).toBe(false)
      yield* holder.end
    })
  )

  it.effect("reports a lost lock from the renewal on that finds another owner", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const holder = yield* holding(LeaseLock.make(engine.backing))
      yield* TestClock.adjust("9 seconds")
      engine.give(name, "other", 60_000)
      expect(yield* holder.isHeld).toBe(true)
      yield* TestClock.adjust("1 second")
      expect(yield* holder.isHeld).toBe(false)
      engine.forget()
      yield* TestClock.adjust("1 minute")
      expect([yield* holder.isHeld, engine.timesOf("renew")]).toEqual([false, [10_000]])
      yield* holder.end
    })
  )

  it.effect("keeps the lock if a failover loses it before a renewal", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const holder = yield* holding(LeaseLock.make(engine.backing))
      engine.forget()
      yield* TestClock.adjust("10 seconds")
      expect([yield* holder.isHeld, engine.ownerOf(name)]).toEqual([true, engine.requests[0]?.owner])
      yield* holder.end
    })
  )

  it.effect("does not renew a lease after its end, and ignores a late response", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = (operation) => (operation === "renew" ? "lost" : "executed")
      const holder = yield* holding(LeaseLock.make(engine.backing, { lease: "6 seconds" }))
      yield* TestClock.adjust("3 seconds")
      engine.fate = () => "executed"
      engine.latency = () => [0, 2_500]
      yield* TestClock.adjust("4 seconds")
      // The renewal of the fourth second was answered after the sixth.
      expect([yield* holder.isHeld, engine.timesOf("renew")]).toEqual([false, [2_000, 4_000]])
      yield* TestClock.adjust("1 minute")
      expect([yield* holder.isHeld, engine.timesOf("renew")]).toEqual([false, [2_000, 4_000]])
      yield* TestClock.adjust("1 minute")
      yield* Effect.zipLeft(Effect.fork(holder.end), TestClock.adjust("10 seconds"))
    })
  )

  it.effect.each([
    ["the machine was suspended, so that only the wall clock has advanced", 28_000, 0],
    ["the wall clock was set back, so that only the monotonic clock has advanced", -3_600_000, 28_000]
  ] as const)("reports a lost lock after 90 % of the lease if %s", ([, moved, passed]) =>
    Effect.gen(function* () {
      const machine = new Machine()
      const engine = new Engine.LeaseEngine(machine)
      engine.fate = (operation) => (operation === "renew" ? "lost" : "executed")
      const holder = yield* Effect.withClock(holding(LeaseLock.make(engine.backing)), machine)
      expect(yield* holder.isHeld).toBe(true)
      machine.moved = moved
      yield* machine.pass(passed)
      expect(yield* holder.isHeld).toBe(false)
      yield* holder.end
    })
  )
})

describe("LeaseLock.make with an engine that fails", () => {
  it.effect("repeats a request that fails until the engine responds", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = () => "lost"
      const fiber = yield* Effect.fork(LeaseLock.make(engine.backing)(name)(isHeld))
      yield* TestClock.adjust("1 second")
      engine.fate = () => "executed"
      yield* TestClock.adjust("150 millis")
      expect(yield* Fiber.join(fiber)).toBe(true)
    })
  )

  it.effect("fails with the error of the engine after lockTimeout", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = () => "lost"
      const fiber = yield* Effect.fork(
        Effect.flip(LeaseLock.make(engine.backing, { lockTimeout: "1 second" })(name)(isHeld))
      )
      yield* TestClock.adjust("1100 millis")
      expect(yield* Fiber.join(fiber)).toBe(Engine.unreachable)
    })
  )

  it.effect("fails at once with an error that no repetition can mend", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const insecure = new TokenStoreError({ reason: "Insecure", detail: "scripted" })
      const backing = { ...engine.backing, acquire: () => Effect.fail(insecure) }
      expect(yield* Effect.flip(LeaseLock.make(backing)(name)(isHeld))).toBe(insecure)
    })
  )

  it.effect("gets a lock with the second attempt after a lost response, and counts from the first attempt", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      let fails = 1
      engine.fate = (operation) => (operation === "acquire" && fails-- > 0 ? "unanswered" : "executed")
      engine.latency = () => [0, engine.requests.length === 0 ? 1_000 : 0]
      const holder = yield* holding(LeaseLock.make(engine.backing))
      yield* TestClock.adjust("1100 millis")
      expect([yield* holder.isHeld, new Set(engine.requests.map(({ owner }) => owner)).size]).toEqual([true, 1])
      engine.fate = (operation) => (operation === "renew" ? "lost" : "executed")
      yield* TestClock.adjust(25_899)
      expect(yield* holder.isHeld).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* holder.isHeld).toBe(false)
      yield* holder.end
    })
  )

  it.effect.each([
    ["at the end of lockTimeout", 1_200],
    ["when it is interrupted", 500]
  ] as const)("releases a lock in the background after a lost response %s", ([, ms]) =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = (operation) => (operation === "acquire" ? "unanswered" : "lost")
      const fiber = yield* Effect.fork(LeaseLock.make(engine.backing, { lockTimeout: "1 second" })(name)(isHeld))
      yield* TestClock.adjust(ms)
      yield* Fiber.interrupt(fiber)
      expect(engine.ownerOf(name)).toBe(engine.requests[0]?.owner)
      engine.fate = () => "executed"
      yield* TestClock.adjust("200 millis")
      expect(engine.ownerOf(name)).toBeUndefined()
      const requests = engine.requests.length
      yield* TestClock.adjust("1 minute")
      expect(engine.requests).toHaveLength(requests)
    })
  )

  it.effect("releases nothing in the background if the engine has refused the lock", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.give(name, "other", 60_000)
      yield* Effect.flip(LeaseLock.make(engine.backing, { lockTimeout: 0 })(name)(isHeld))
      yield* TestClock.adjust("1 second")
      expect(engine.timesOf("release")).toEqual([])
    })
  )

  it.effect("ends a request without a response after 5 seconds", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = (operation) => (operation === "acquire" ? "hanging" : "executed")
      const fiber = yield* Effect.fork(Effect.flip(LeaseLock.make(engine.backing)(name)(isHeld)))
      yield* TestClock.adjust("21 seconds")
      expect((yield* Fiber.join(fiber)).message).toContain("had no response within 5s")
      expect(engine.timesOf("acquire")).toHaveLength(3)
    })
  )

  it.effect("returns the result if the release fails, and repeats the release until it succeeds", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = (operation) => (operation === "release" ? "lost" : "executed")
      expect(yield* LeaseLock.make(engine.backing)(name)(Effect.succeed(7))).toBe(7)
      yield* TestClock.adjust("1 second")
      expect(engine.ownerOf(name)).toBeDefined()
      engine.fate = () => "executed"
      yield* TestClock.adjust("100 millis")
      expect(engine.ownerOf(name)).toBeUndefined()
      const releases = engine.timesOf("release").length
      yield* TestClock.adjust("1 minute")
      expect(engine.timesOf("release")).toHaveLength(releases)
    })
  )

  it.effect("repeats a release no longer than the lease", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.fate = (operation) => (operation === "release" ? "lost" : "executed")
      yield* LeaseLock.make(engine.backing, { lease: "1 second" })(name)(Effect.void)
      yield* TestClock.adjust("1 minute")
      const last = engine.timesOf("release").at(-1)
      expect(last).toBeGreaterThanOrEqual(900)
      expect(last).toBeLessThan(1_000)
    })
  )

  it.effect("waits for a renewal that is on its way before it releases the lock", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const holder = yield* holding(LeaseLock.make(engine.backing))
      engine.latency = () => [2_000, 0]
      yield* TestClock.adjust("10 seconds")
      const ending = yield* Effect.fork(holder.end)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(ending)
      expect(engine.timesOf("release")).toEqual([12_000])
      expect(engine.ownerOf(name)).toBeUndefined()
    })
  )
})

describe("LeaseLock.make and interruptions", () => {
  it.effect("stops to wait when it is interrupted", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.give(name, "other", 60_000)
      const fiber = yield* Effect.fork(LeaseLock.make(engine.backing)(name)(isHeld))
      yield* TestClock.adjust("200 millis")
      yield* Fiber.interrupt(fiber)
      const requests = engine.requests.length
      yield* TestClock.adjust("1 minute")
      expect(engine.requests).toHaveLength(requests)
    })
  )

  it.effect("releases a lock that it gets while it is interrupted, and does not run the effect", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      engine.latency = () => [500, 500]
      let runs = 0
      const fiber = yield* Effect.fork(LeaseLock.make(engine.backing)(name)(Effect.sync(() => runs++)))
      yield* TestClock.adjust("200 millis")
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(interrupting)
      expect([engine.ownerOf(name), runs]).toEqual([undefined, 0])
    })
  )

  it.effect("completes a release that is on its way when it is interrupted", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      let interrupted = 0
      const withLock = LeaseLock.make({
        ...engine.backing,
        release: (name, owner) =>
          Effect.onInterrupt(Effect.zipRight(Effect.sleep("1 second"), engine.backing.release(name, owner)), () =>
            Effect.sync(() => interrupted++)
          )
      })
      const fiber = yield* Effect.fork(withLock(name)(Effect.void))
      yield* TestClock.adjust("500 millis")
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.join(interrupting)
      expect([interrupted, engine.timesOf("release"), engine.ownerOf(name)]).toEqual([0, [1_000], undefined])
    })
  )

  it.effect("releases the lock when the effect is interrupted", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const fiber = yield* Effect.fork(LeaseLock.make(engine.backing)(name)(Effect.never))
      yield* TestClock.adjust("11 seconds")
      yield* Fiber.interrupt(fiber)
      expect(engine.ownerOf(name)).toBeUndefined()
    })
  )
})

describe("TokenSource over a LeaseLock", () => {
  it.effect("returns the token before the lock is released, and its scope waits for the release", () =>
    Effect.gen(function* () {
      const engine = yield* Engine.make
      const memory = yield* TokenStore.makeMemory
      const store: TokenStore.Service = { ...memory, lockScope: "cluster", withLock: LeaseLock.make(engine.backing) }
      engine.fate = (operation) => (operation === "release" ? "hanging" : "executed")
      const scope = yield* Scope.make()
      const { get } = yield* Scope.extend(makeSource(store, scriptedTokens().mint), scope)
      expect(nameOf(yield* get)).toBe("canary-1")
      yield* TestClock.adjust(1)
      expect(engine.timesOf("release")).toEqual([0])
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(4_998)
      expect(closing.unsafePoll()).toBeNull()
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
    })
  )
})
