import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import { join } from "node:path"
import { currentProcess } from "../src/internal/lock/processIdentity.js"
import { folder, isRoot, namesIn } from "./support/folder.js"
import { lockFile, unusedPid, nonceOf, tryOnce, writeLock } from "./support/locks.js"

describe("ProcessLock", () => {
  it.live("takes over an empty lock file and one of zeros, as a power failure leaves them", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      for (const content of ["", "\0".repeat(200)]) {
        fs.writeFileSync(path, content, { mode: 0o600 })
        yield* (yield* tryOnce).withLock(path)(Effect.void)
      }
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("fails with LockTimeout and removes nothing if the path is not a lock of this library", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const target = join(path, "..", "target")
      writeLock(target, { ...(yield* currentProcess), pid: unusedPid })
      const otherFiles: ReadonlyArray<() => void> = [
        () => fs.writeFileSync(path, "{ not a lock"),
        () => fs.writeFileSync(path, JSON.stringify({ pid: -1 })),
        () => fs.writeFileSync(path, "x".repeat(100_000)),
        () => (fs.writeFileSync(path, "{"), fs.truncateSync(path, 2 ** 30)),
        () => fs.symlinkSync(target, path),
        () => fs.symlinkSync("nothing", path),
        () => void execFileSync("mkfifo", ["-m", "600", path]),
        () => fs.mkdirSync(path)
      ]
      for (const create of otherFiles) {
        create()
        const [took, error] = yield* Effect.timed(Effect.flip((yield* tryOnce).withLock(path)(Effect.void)))
        expect([error.reason, Duration.toMillis(took) < 1000]).toEqual(["LockTimeout", true])
        expect(error.message).toContain("an unknown program")
        expect(fs.existsSync(target) && fs.lstatSync(path) !== undefined).toBe(true)
        fs.rmSync(path, { recursive: true })
      }
    }).pipe(Effect.scoped)
  )

  const user = 12345
  const planted: ReadonlyArray<readonly [what: string, create: (path: string) => Effect.Effect<void>]> = [
    ["a lock", (path) => Effect.map(currentProcess, (me) => writeLock(path, { ...me, pid: unusedPid }))],
    ["an empty file", (path) => Effect.sync(() => fs.writeFileSync(path, ""))],
    ["a text file", (path) => Effect.sync(() => fs.writeFileSync(path, "x".repeat(100_000)))],
    ["a folder", (path) => Effect.sync(() => fs.mkdirSync(path))],
    ["a symbolic link", (path) => Effect.sync(() => fs.symlinkSync("nothing", path))],
    ["a FIFO", (path) => Effect.sync(() => void execFileSync("mkfifo", ["-m", "600", path]))]
  ]
  for (const [what, create] of planted) {
    it.live.skipIf(!isRoot)(`rejects ${what} of another user at once and keeps it (needs root to create one)`, () =>
      Effect.gen(function* () {
        const path = yield* lockFile
        const locks = yield* ProcessLock.make({ lockTimeout: "1 minute" })
        const guard = `${path}.${nonceOf(1)}.guard`
        for (const name of [path, guard]) {
          // The guard is claimed only if the owner of the lock has ended.
          if (name === guard) writeLock(path, { ...(yield* currentProcess), pid: unusedPid }, nonceOf(1))
          yield* create(name)
          fs.lchownSync(name, user, user)
          const [took, error] = yield* Effect.timed(Effect.flip(locks.withLock(path)(Effect.void)))
          expect(error).toMatchObject({ reason: "OwnerMismatch", message: expect.stringContaining(`user ${user}`) })
          expect(error.message).toContain("choose a folder")
          expect(Duration.toSeconds(took)).toBeLessThan(50)
          expect(fs.lstatSync(name).uid).toBe(user)
          fs.rmSync(name, { recursive: true })
        }
      }).pipe(Effect.scoped)
    )
  }

  it.live("fails with WriteFailed at once if the folder is missing", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "missing", "app.lock")
      const error = yield* Effect.flip((yield* ProcessLock.make()).withLock(path)(Effect.void))
      expect([error.reason, error.message.includes("ENOENT")]).toEqual(["WriteFailed", true])
    }).pipe(Effect.scoped)
  )

  it.live("does not remove a lock file that replaced its own", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const me = yield* currentProcess
      yield* (yield* tryOnce).withLock(path)(
        Effect.sync(() => {
          fs.unlinkSync(path)
          writeLock(path, me, nonceOf(9))
        })
      )
      expect(fs.readFileSync(path, "utf8")).toContain(nonceOf(9))
    }).pipe(Effect.scoped)
  )

  it.live("takes over the guards of processes that died during a takeover", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const dead = { ...(yield* currentProcess), pid: unusedPid }
      writeLock(path, dead, nonceOf(1))
      writeLock(`${path}.${nonceOf(1)}.guard`, dead, nonceOf(2))
      writeLock(`${path}.${nonceOf(2)}.guard`, dead, nonceOf(3))
      yield* (yield* tryOnce).withLock(path)(Effect.void)
      expect(namesIn(join(path, ".."))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("fails with LockTimeout when guards name each other in a circle", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const dead = { ...(yield* currentProcess), pid: unusedPid }
      writeLock(path, dead, nonceOf(1))
      writeLock(`${path}.${nonceOf(1)}.guard`, dead, nonceOf(1))
      expect((yield* Effect.flip((yield* tryOnce).withLock(path)(Effect.void))).reason).toBe("LockTimeout")
    }).pipe(Effect.scoped)
  )
})
