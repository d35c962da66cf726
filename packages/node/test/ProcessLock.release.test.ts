import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { vi } from "vitest"
import { failMethod } from "./support/disk.js"
import { namesIn } from "./support/folder.js"
import { lockFile, tryOnce } from "./support/locks.js"
import { nextLine, run } from "./support/program.js"

/** Runs work under the lock while files that `stays` selects cannot be removed (EROFS). Afterwards they can be removed. */
const withFailingUnlink = (
  path: string,
  locks: ProcessLock.Service,
  cannotRemove: (name: string) => boolean = () => true
) =>
  Effect.scoped(
    Effect.zipRight(
      failMethod(fs.promises, "unlink", "EROFS", (name) => cannotRemove(String(name))),
      locks.withLock(path)(Effect.succeed("done"))
    )
  ).pipe(Logger.withMinimumLogLevel(LogLevel.None))

describe("ProcessLock", () => {
  it.live("completes the work if the lock cannot be released, and takes its own lock over at once afterwards", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      expect(yield* withFailingUnlink(path, locks)).toBe("done")
      expect(namesIn(join(path, ".."))).toContain("app.lock")
      // Also through another service: the process remembers the lock that it could not release.
      expect(yield* (yield* tryOnce).withLock(path)(Effect.succeed("again"))).toBe("again")
      expect(fs.existsSync(path)).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.live("leaves no lock behind when a fiber is interrupted while it takes the lock", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      for (let ms = 0; ms < 20; ms++) {
        const taking = yield* Effect.fork(locks.withLock(path)(Effect.never))
        yield* Effect.sleep(ms / 4)
        yield* Fiber.interrupt(taking)
        expect(fs.existsSync(path)).toBe(false)
      }
    }).pipe(Effect.scoped)
  )

  it.live("fails with WriteFailed while files cannot be removed and succeeds afterwards", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* failMethod(fs.promises, "unlink", "EIO")
          yield* locks.withLock(path)(Effect.void)
          const error = yield* Effect.flip(locks.withLock(path)(Effect.void))
          expect([error.reason, error.message.includes("(EIO)")]).toEqual(["WriteFailed", true])
        })
      ).pipe(Logger.withMinimumLogLevel(LogLevel.None))
      // The guard of the failed attempt could not be removed either. It is taken over like the lock.
      yield* locks.withLock(path)(Effect.void)
      expect(namesIn(join(path, "..")).filter((name) => !name.endsWith(".tmp"))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("lets only one of ten fibers of two services take over a lock that was not released", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const services = [yield* ProcessLock.make(), yield* ProcessLock.make()] as const
      yield* withFailingUnlink(path, services[0])
      let inside = 0
      const work = Effect.acquireUseRelease(
        Effect.sync(() => (inside += 1)),
        (now) =>
          Effect.zipRight(
            Effect.sleep("1 millis"),
            Effect.sync(() => expect(now).toBe(1))
          ),
        () => Effect.sync(() => (inside -= 1))
      )
      yield* Effect.all(
        Array.from({ length: 10 }, (_, i) => services[i % 2 === 0 ? 0 : 1].withLock(path)(work)),
        { concurrency: "unbounded" }
      )
    }).pipe(Effect.scoped)
  )

  it.live("removes its lock for another process soon after files can be removed again, without another call", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      yield* withFailingUnlink(path, yield* tryOnce)
      const other = yield* run("holdLock", path)
      expect(yield* nextLine(other)).toBe("held")
      // This process removed its own lock, not the one that replaced it.
      yield* Effect.sleep("1200 millis")
      expect(fs.readFileSync(path, "utf8")).toContain(`"pid":${other.pid},`)
    }).pipe(Effect.scoped)
  )
})

describe("ProcessLock", () => {
  /** Creates the link, then fails with `code`, once. */
  const linkThenFail = (code: string) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const original = fs.promises.link
        const spy = vi.spyOn(fs.promises, "link").mockImplementationOnce(async (from, to) => {
          await original(from, to)
          throw Object.assign(new Error(code), { code })
        })
        syncBuiltinESMExports()
        return spy
      }),
      (spy) => Effect.sync(() => (spy.mockRestore(), syncBuiltinESMExports()))
    )

  it.live("acquires the lock when the link exists although link failed with EEXIST (NFS)", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      yield* linkThenFail("EEXIST")
      expect(yield* (yield* tryOnce).withLock(path)(Effect.succeed("done"))).toBe("done")
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live(
    "fails with WriteFailed when link created the file and failed with EIO, and the next call acquires the lock",
    () =>
      Effect.gen(function* () {
        const path = yield* lockFile
        const locks = yield* tryOnce
        yield* linkThenFail("EIO")
        expect((yield* Effect.flip(locks.withLock(path)(Effect.void))).reason).toBe("WriteFailed")
        expect(yield* locks.withLock(path)(Effect.succeed("done"))).toBe("done")
        expect(namesIn(join(path, ".."))).toEqual([])
      }).pipe(Effect.scoped)
  )
})
