import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import fs from "node:fs"
import { join } from "node:path"
import { vi } from "vitest"
import { namesIn } from "./support/folder.js"
import { lockFile, nonceOf, tryOnce, writeLock } from "./support/locks.js"
import { nextLine, run, sleeper } from "./support/program.js"

describe("ProcessLock", () => {
  it.live("runs the fibers of one process in their order of arrival and leaves no file", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      // Two services, as two Layers of the same store create them.
      const services = [yield* ProcessLock.make(), yield* ProcessLock.make()] as const
      const order: Array<number> = []
      let inside = 0
      yield* Effect.forEach(
        Array.from({ length: 20 }, (_, i) => i),
        (i) =>
          Effect.gen(function* () {
            inside += 1
            expect(inside).toBe(1)
            order.push(i)
            yield* Effect.sleep("1 millis")
            inside -= 1
          }).pipe((i % 2 === 0 ? services[0] : services[1]).withLock(path)),
        { concurrency: "unbounded", discard: true }
      )
      expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i))
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("releases the lock when the effect fails, dies or is interrupted", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      expect(yield* Effect.flip(locks.withLock(path)(Effect.fail("no")))).toBe("no")
      yield* Effect.exit(locks.withLock(path)(Effect.die("no")))
      const entered = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        locks.withLock(path)(Effect.zipRight(Deferred.succeed(entered, undefined), Effect.never))
      )
      yield* Deferred.await(entered)
      yield* Fiber.interrupt(fiber)
      expect(yield* locks.withLock(path)(Effect.succeed("free"))).toBe("free")
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("keeps an effect interruptible or uninterruptible", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      const flags = Effect.checkInterruptible((yes) => Effect.succeed(yes))
      expect(yield* locks.withLock(path)(flags)).toBe(true)
      expect(yield* Effect.uninterruptible(locks.withLock(path)(flags))).toBe(false)
    }).pipe(Effect.scoped)
  )
})

describe("ProcessLock", () => {
  const kinds = [
    ["a file", ProcessLock.layer({ lockTimeout: "1 minute" })],
    ["memory", ProcessLock.layerMemory]
  ] as const
  for (const [kind, layer] of kinds) {
    const heldLock = Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* ProcessLock.ProcessLock
      const entered = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(
        locks.withLock(path)(Effect.zipRight(Deferred.succeed(entered, undefined), Effect.never))
      )
      yield* Deferred.await(entered)
      return { path, locks, holder }
    })

    it.live(`fails behind another fiber after lockTimeout, or at once if that is 0, with a lock in ${kind}`, () =>
      Effect.gen(function* () {
        const { holder, locks, path } = yield* heldLock
        const waiting = locks.withLock(path, { lockTimeout: "200 millis" })(Effect.void)
        // Also where the caller cannot be interrupted, so that a timer of the caller would not help.
        const attempts = [
          waiting,
          Effect.uninterruptible(waiting),
          locks.withLock(path, { lockTimeout: 0 })(Effect.void)
        ]
        const results = yield* Effect.forEach(attempts, (one) => Effect.timed(Effect.flip(one)), {
          concurrency: "unbounded"
        })
        for (const [, { message, reason }] of results) {
          expect([reason, message]).toEqual(["LockTimeout", expect.stringContaining("another fiber of this process")])
        }
        const [one = 0, two = 0, atOnce = 0] = results.map(([took]) => Duration.toMillis(took))
        expect(Math.min(one, two)).toBeGreaterThanOrEqual(200)
        // The time limit is that of the call, not that of the layer.
        expect(Math.max(one, two)).toBeLessThan(50_000)
        expect(atOnce).toBeLessThan(Math.min(one, two))
        yield* Fiber.interrupt(holder)
        yield* locks.withLock(path, { lockTimeout: 0 })(Effect.void)
      }).pipe(Effect.scoped, Effect.provide(layer))
    )

    it.live(`passes the lock on when a waiter is interrupted or times out at that moment, with a lock in ${kind}`, () =>
      Effect.gen(function* () {
        const path = yield* lockFile
        const locks = yield* ProcessLock.ProcessLock
        for (let round = 0; round < 20; round++) {
          const held = locks.withLock(path)(Effect.sleep(Duration.millis(round % 5)))
          const late = locks.withLock(path, { lockTimeout: Duration.millis(round % 5) })(Effect.void)
          const fibers = yield* Effect.forEach([held, late, late], (one) => Effect.fork(Effect.exit(one)))
          const patient = yield* Effect.fork(Effect.timed(locks.withLock(path)(Effect.void)))
          const interrupted = yield* Effect.fork(locks.withLock(path)(Effect.void))
          yield* Effect.sleep(Duration.millis(round % 5))
          yield* Fiber.interrupt(interrupted)
          yield* Fiber.joinAll(fibers)
          expect(Duration.toMillis((yield* Fiber.join(patient))[0])).toBeLessThan(50_000)
          expect(yield* locks.withLock(path, { lockTimeout: 0 })(Effect.succeed(round))).toBe(round)
        }
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
  }
})

describe("ProcessLock", () => {
  it.live("takes over the lock of a killed process within 50 ms", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* ProcessLock.make()
      const waits: Array<number> = []
      const quick = () => waits.filter((wait) => wait < 50)
      // On a machine that runs other programs, some rounds take longer. Two quick rounds do not happen by chance.
      for (let round = 0; round < 60 && quick().length < 2; round++) {
        const holder = yield* sleeper
        writeLock(path, holder.owner, nonceOf(round + 1))
        const waiter = yield* Effect.fork(locks.withLock(path)(Effect.sync(() => performance.now())))
        yield* Effect.sleep("20 millis")
        expect(fs.readFileSync(path, "utf8")).toContain(nonceOf(round + 1))
        const killed = performance.now()
        holder.kill()
        waits.push((yield* Fiber.join(waiter)) - killed)
        expect(namesIn(join(path, ".."))).toEqual([])
      }
      expect(quick(), waits.join(" ")).toHaveLength(2)
    }).pipe(Effect.scoped)
  )

  it.live("takes over the lock of a program that was killed while it held the lock", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const holder = yield* run("holdLock", path)
      expect(yield* nextLine(holder)).toBe("held")
      holder.signal("SIGKILL")
      yield* Effect.promise(() => holder.end)
      expect(yield* (yield* tryOnce).withLock(path)(Effect.succeed("taken"))).toBe("taken")
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("fails waiters in time and names process, file and remedy while a stopped process holds the lock", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const holder = yield* run("holdLock", path)
      expect(yield* nextLine(holder)).toBe("held")
      const content = fs.readFileSync(path, "utf8")
      holder.signal("SIGSTOP")
      const locks = yield* ProcessLock.make({ lockTimeout: "2 seconds" })
      const waiting = Effect.timed(Effect.flip(locks.withLock(path)(Effect.void)))
      // Fibers that queue behind the first waiter in this process fail together with it, not one after the other.
      for (const [waited, error] of yield* Effect.all([waiting, waiting, waiting], { concurrency: "unbounded" })) {
        expect(error.reason).toBe("LockTimeout")
        expect(error.message).toContain(`process ${holder.pid} on host`)
        expect(error.message).toContain(`${JSON.stringify(path)}. Try again, or remove that file`)
        expect(Duration.toMillis(waited)).toBeGreaterThanOrEqual(2000)
        // One after the other, the third would wait for six seconds.
        expect(Duration.toMillis(waited)).toBeLessThan(5900)
      }
      // The process continues and still holds the lock.
      holder.signal("SIGCONT")
      expect((yield* Effect.flip((yield* tryOnce).withLock(path)(Effect.void))).reason).toBe("LockTimeout")
      expect(fs.readFileSync(path, "utf8")).toBe(content)
    }).pipe(Effect.scoped)
  )

  for (const [situation, hours] of [
    ["an hour ahead", 1],
    ["an hour behind", -1],
    ["ten years ahead", 87_660]
  ] as const) {
    it.live(`takes over no lock and lengthens no wait with a clock that is ${situation}`, () =>
      Effect.gen(function* () {
        const path = yield* lockFile
        const holder = yield* sleeper
        writeLock(path, holder.owner)
        const shifted = Date.now() + hours * 3_600_000
        // The file is older and younger than this clock can explain.
        for (const at of [shifted, Date.now() - hours * 3_600_000]) {
          fs.utimesSync(path, at / 1000, at / 1000)
          const now = vi.spyOn(Date, "now").mockReturnValue(shifted)
          const locks = yield* ProcessLock.make({ lockTimeout: "100 millis" })
          const started = performance.now()
          const error = yield* Effect.flip(locks.withLock(path)(Effect.void))
          now.mockRestore()
          expect(error.reason).toBe("LockTimeout")
          expect(performance.now() - started).toBeGreaterThanOrEqual(100)
          // A wait measured by this clock would last an hour or more.
          expect(performance.now() - started).toBeLessThan(60_000)
        }
        holder.kill()
        yield* (yield* ProcessLock.make({ lockTimeout: "30 seconds" })).withLock(path)(Effect.void)
      }).pipe(Effect.scoped)
    )
  }

  it.live("can be interrupted while it waits, and keeps the lock of the holder", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const holder = yield* run("holdLock", path)
      expect(yield* nextLine(holder)).toBe("held")
      const locks = yield* ProcessLock.make()
      const waiter = yield* Effect.fork(locks.withLock(path)(Effect.void))
      yield* Effect.sleep("60 millis")
      const [took] = yield* Effect.timed(Fiber.interrupt(waiter))
      // Without the interruption it would wait for fifteen seconds.
      expect(Duration.toMillis(took)).toBeLessThan(14_000)
      expect(namesIn(join(path, ".."))).toEqual(["app.lock"])
    }).pipe(Effect.scoped)
  )
})
