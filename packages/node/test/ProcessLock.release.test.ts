import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { vi } from "vitest"
import { failing } from "./support/disk.js"
import { namesIn } from "./support/folder.js"
import { lockFile, tryOnce } from "./support/locks.js"
import { nextLine, run } from "./support/program.js"

/** Runs work under the lock while the disk refuses to remove what `stays`, and mends the disk. */
const onBadDisk = (path: string, locks: ProcessLock.Service, stays: (name: string) => boolean = () => true) =>
  Effect.scoped(
    Effect.zipRight(
      failing(fs.promises, "unlink", "EROFS", (name) => stays(String(name))),
      locks.withLock(path)(Effect.succeed("done"))
    )
  ).pipe(Logger.withMinimumLogLevel(LogLevel.None))

describe("a lock that cannot be released", () => {
  it.live("the work is done, the disk works again, and this process takes its own lock over at once", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      expect(yield* onBadDisk(path, locks)).toBe("done")
      expect(namesIn(join(path, ".."))).toContain("app.lock")
      // Another service too: what is left is remembered by the process.
      expect(yield* (yield* tryOnce).withLock(path)(Effect.succeed("again"))).toBe("again")
      expect(fs.existsSync(path)).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.live(
    "while the disk refuses, the next claim is a WriteFailed that names it, and the one after the mend succeeds",
    () =>
      Effect.gen(function* () {
        const path = yield* lockFile
        const locks = yield* tryOnce
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* failing(fs.promises, "unlink", "EIO")
            yield* locks.withLock(path)(Effect.void)
            const error = yield* Effect.flip(locks.withLock(path)(Effect.void))
            expect([error.reason, error.message.includes("(EIO)")]).toEqual(["WriteFailed", true])
          })
        ).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        // The guard of the attempt that failed could not be removed either, and is taken over like the lock.
        yield* locks.withLock(path)(Effect.void)
        expect(namesIn(join(path, "..")).filter((name) => !name.endsWith(".tmp"))).toEqual([])
      }).pipe(Effect.scoped)
  )

  it.live("only one of many fibers of two services takes it over", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const services = [yield* ProcessLock.make(), yield* ProcessLock.make()] as const
      yield* onBadDisk(path, services[0])
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

  it.live("another process is let in soon after the disk works again, though this one asks for nothing", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      yield* onBadDisk(path, yield* tryOnce)
      const other = yield* run("hold", path)
      expect(yield* nextLine(other)).toBe("held")
      // Ours was removed, not the one that took its place.
      yield* Effect.sleep("1200 millis")
      expect(fs.readFileSync(path, "utf8")).toContain(`"pid":${other.pid},`)
    }).pipe(Effect.scoped)
  )
})

describe("a claim whose outcome the system reports wrongly", () => {
  /** Links, and then reports `code`, once. */
  const misreporting = (code: string) =>
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

  it.live("a link that is there although its answer says that another was (NFS) is ours", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      yield* misreporting("EEXIST")
      expect(yield* (yield* tryOnce).withLock(path)(Effect.succeed("done"))).toBe("done")
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("a link that is there although its answer is EIO fails the claim, and is in nobody's way", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      yield* misreporting("EIO")
      expect((yield* Effect.flip(locks.withLock(path)(Effect.void))).reason).toBe("WriteFailed")
      expect(yield* locks.withLock(path)(Effect.succeed("done"))).toBe("done")
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )
})
