import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import { join } from "node:path"
import { currentProcess } from "../src/internal/lock/processIdentity.js"
import { folder, isRoot, namesIn } from "./support/folder.js"
import { lockFile, nobody, nonceOf, tryOnce, write } from "./support/locks.js"

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
      write(target, { ...(yield* currentProcess), pid: nobody })
      const strangers: ReadonlyArray<() => void> = [
        () => fs.writeFileSync(path, "{ not a lock"),
        () => fs.writeFileSync(path, JSON.stringify({ pid: -1 })),
        () => fs.writeFileSync(path, "x".repeat(100_000)),
        () => (fs.writeFileSync(path, "{"), fs.truncateSync(path, 2 ** 30)),
        () => fs.symlinkSync(target, path),
        () => fs.symlinkSync("nothing", path),
        () => void execFileSync("mkfifo", ["-m", "600", path]),
        () => fs.mkdirSync(path)
      ]
      for (const place of strangers) {
        place()
        const [took, error] = yield* Effect.timed(Effect.flip((yield* tryOnce).withLock(path)(Effect.void)))
        expect([error.reason, Duration.toMillis(took) < 1000]).toEqual(["LockTimeout", true])
        expect(error.message).toContain("something that is not a process of this release")
        expect(fs.existsSync(target) && fs.lstatSync(path) !== undefined).toBe(true)
        fs.rmSync(path, { recursive: true })
      }
    }).pipe(Effect.scoped)
  )

  const user = 12345
  const planted: ReadonlyArray<readonly [what: string, place: (path: string) => Effect.Effect<void>]> = [
    ["a lock", (path) => Effect.map(currentProcess, (me) => write(path, { ...me, pid: nobody }))],
    ["an empty file", (path) => Effect.sync(() => fs.writeFileSync(path, ""))],
    ["text", (path) => Effect.sync(() => fs.writeFileSync(path, "x".repeat(100_000)))],
    ["a folder", (path) => Effect.sync(() => fs.mkdirSync(path))],
    ["a link", (path) => Effect.sync(() => fs.symlinkSync("nothing", path))],
    ["a FIFO", (path) => Effect.sync(() => void execFileSync("mkfifo", ["-m", "600", path]))]
  ]
  for (const [what, place] of planted) {
    it.live.skipIf(!isRoot)(
      `${what} of another user is Foreign at once, and is never removed (needs root to make one)`,
      () =>
        Effect.gen(function* () {
          const path = yield* lockFile
          const patient = yield* ProcessLock.make({ lockTimeout: "1 minute" })
          const guard = `${path}.${nonceOf(1)}.guard`
          for (const name of [path, guard]) {
            // The guard is asked for only where the owner of the lock is dead.
            if (name === guard) write(path, { ...(yield* currentProcess), pid: nobody }, nonceOf(1))
            yield* place(name)
            fs.lchownSync(name, user, user)
            const [took, error] = yield* Effect.timed(Effect.flip(patient.withLock(path)(Effect.void)))
            expect(error).toMatchObject({ reason: "Foreign", message: expect.stringContaining(`user ${user}`) })
            expect(error.message).toContain("choose a folder")
            expect(Duration.toSeconds(took)).toBeLessThan(50)
            expect(fs.lstatSync(name).uid).toBe(user)
            fs.rmSync(name, { recursive: true })
          }
        }).pipe(Effect.scoped)
    )
  }

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
      const me = yield* currentProcess
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
      const dead = { ...(yield* currentProcess), pid: nobody }
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
      const dead = { ...(yield* currentProcess), pid: nobody }
      write(path, dead, nonceOf(1))
      write(`${path}.${nonceOf(1)}.guard`, dead, nonceOf(1))
      expect((yield* Effect.flip((yield* tryOnce).withLock(path)(Effect.void))).reason).toBe("LockTimeout")
    }).pipe(Effect.scoped)
  )
})
