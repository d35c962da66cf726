import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import fs from "node:fs"
import { join } from "node:path"
import { self } from "../src/internal/owner.js"
import { folder, namesIn } from "./support/folder.js"
import { lockFile, nobody, nonceOf, tryOnce, write } from "./support/locks.js"
import { nextLine, run } from "./support/program.js"

describe("fibers of one process", () => {
  it.live("they take turns in the order in which they came, and leave nothing behind", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      // Two services, as two Layers of the same store make them.
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

  it.live("an effect that fails, dies or is interrupted gives the lock back", () =>
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

  it.live("work that can be interrupted stays so, and work that cannot does too", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      const flags = Effect.checkInterruptible((yes) => Effect.succeed(yes))
      expect(yield* locks.withLock(path)(flags)).toBe(true)
      expect(yield* Effect.uninterruptible(locks.withLock(path)(flags))).toBe(false)
    }).pipe(Effect.scoped)
  )
})

describe("other processes", () => {
  it.live("a process that was killed frees its lock for the next at once", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const holder = yield* run("hold", path)
      expect(yield* nextLine(holder)).toBe("held")
      const locks = yield* ProcessLock.make()
      const waiter = yield* Effect.fork(locks.withLock(path)(Effect.sync(() => performance.now())))
      yield* Effect.sleep("50 millis")
      holder.signal("SIGKILL")
      yield* Effect.promise(() => holder.end)
      const died = performance.now()
      expect((yield* Fiber.join(waiter)) - died).toBeLessThan(500)
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("a stopped process keeps its lock: the waiter fails with its name, in time", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const holder = yield* run("hold", path)
      expect(yield* nextLine(holder)).toBe("held")
      holder.signal("SIGSTOP")
      const locks = yield* ProcessLock.make({ lockTimeout: "300 millis" })
      const waiting = Effect.timed(Effect.flip(locks.withLock(path)(Effect.void)))
      // Those who queue behind it in this process fail with it and not one after the other.
      for (const [waited, error] of yield* Effect.all([waiting, waiting, waiting], { concurrency: "unbounded" })) {
        expect(error.reason).toBe("Busy")
        expect(error.message).toContain(`process ${holder.pid} on host`)
        expect(Duration.toMillis(waited)).toBeGreaterThanOrEqual(300)
        expect(Duration.toMillis(waited)).toBeLessThan(850)
      }
    }).pipe(Effect.scoped)
  )

  it.live("waiting can be interrupted, and the holder's lock stays", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const holder = yield* run("hold", path)
      expect(yield* nextLine(holder)).toBe("held")
      const locks = yield* ProcessLock.make()
      const waiter = yield* Effect.fork(locks.withLock(path)(Effect.void))
      yield* Effect.sleep("60 millis")
      const [took] = yield* Effect.timed(Fiber.interrupt(waiter))
      expect(Duration.toMillis(took)).toBeLessThan(1000)
      expect(namesIn(join(path, ".."))).toEqual(["app.lock"])
    }).pipe(Effect.scoped)
  )
})

describe("what stands in a lock's place", () => {
  it.live("an empty file, or one of zeros, as a power cut leaves it, does not block", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      for (const content of ["", "\0".repeat(200)]) {
        fs.writeFileSync(path, content, { mode: 0o600 })
        yield* (yield* tryOnce).withLock(path)(Effect.void)
      }
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("what is nothing of ours is never removed and never hangs", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const target = join(path, "..", "target")
      write(target, { ...(yield* self), pid: nobody })
      const strangers: ReadonlyArray<() => void> = [
        () => fs.writeFileSync(path, "{ not a lock"),
        () => fs.writeFileSync(path, JSON.stringify({ pid: -1 })),
        () => fs.writeFileSync(path, "x".repeat(100_000)),
        () => fs.symlinkSync(target, path),
        () => fs.mkdirSync(path)
      ]
      for (const place of strangers) {
        place()
        expect((yield* Effect.flip((yield* tryOnce).withLock(path)(Effect.void))).reason).toBe("Busy")
        expect(fs.existsSync(target) && fs.lstatSync(path) !== undefined).toBe(true)
        fs.rmSync(path, { recursive: true })
      }
    }).pipe(Effect.scoped)
  )

  it.live("a missing folder is a WriteFailed at once, not a wait", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "missing", "app.lock")
      const error = yield* Effect.flip((yield* ProcessLock.make()).withLock(path)(Effect.void))
      expect([error.reason, error.message.includes("ENOENT")]).toEqual(["WriteFailed", true])
    }).pipe(Effect.scoped)
  )

  it.live("a lock that somebody put into the place of ours is left to him", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const me = yield* self
      yield* (yield* tryOnce).withLock(path)(
        Effect.sync(() => {
          fs.unlinkSync(path)
          write(path, me, nonceOf(9))
        })
      )
      expect(fs.readFileSync(path, "utf8")).toContain(nonceOf(9))
    }).pipe(Effect.scoped)
  )

  it.live("guards of processes that died while they took a lock over are taken over in turn", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const dead = { ...(yield* self), pid: nobody }
      write(path, dead, nonceOf(1))
      write(`${path}.${nonceOf(1)}.guard`, dead, nonceOf(2))
      write(`${path}.${nonceOf(2)}.guard`, dead, nonceOf(3))
      yield* (yield* tryOnce).withLock(path)(Effect.void)
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("guards that name each other in a circle end in Busy", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const dead = { ...(yield* self), pid: nobody }
      write(path, dead, nonceOf(1))
      write(`${path}.${nonceOf(1)}.guard`, dead, nonceOf(1))
      expect((yield* Effect.flip((yield* tryOnce).withLock(path)(Effect.void))).reason).toBe("Busy")
    }).pipe(Effect.scoped)
  )
})
