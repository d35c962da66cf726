import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import fs from "node:fs"
import { dirname } from "node:path"
import { Worker } from "node:worker_threads"
import { namesIn } from "./support/folder.js"
import { lockFile, unusedPid, tryOnce, writeLock } from "./support/locks.js"
import { fileOf, sleeper } from "./support/program.js"

const hasThreads = fs.existsSync("/proc/thread-self")

/** A worker thread that holds the lock. */
const holderThread = (path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const worker = new Worker(await fileOf("holdLockInThread"), { workerData: path })
      await once(worker, "message")
      return worker
    }),
    (worker) => Effect.promise(() => worker.terminate())
  )

describe.skipIf(!hasThreads)("ProcessLock", () => {
  it.scopedLive(
    "excludes other threads while a worker thread holds the lock and takes over after its termination",
    () =>
      Effect.gen(function* () {
        const path = yield* lockFile
        const locks = yield* tryOnce
        const worker = yield* holderThread(path)
        const error = yield* Effect.flip(locks.withLock(path)(Effect.void))
        expect(error).toMatchObject({
          reason: "LockTimeout",
          message: expect.stringContaining("another thread of this process")
        })
        yield* Effect.promise(() => worker.terminate())
        expect(yield* locks.withLock(path)(Effect.succeed("free"))).toBe("free")
        expect(namesIn(dirname(path))).toEqual([])
      })
  )

  it.scopedLive("waits for a worker thread and acquires the lock when that is terminated", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* ProcessLock.make({ lockTimeout: "30 seconds" })
      const worker = yield* holderThread(path)
      yield* Effect.fork(
        Effect.delay(
          Effect.promise(() => worker.terminate()),
          "200 millis"
        )
      )
      expect(yield* locks.withLock(path)(Effect.succeed("free"))).toBe("free")
    })
  )
})

describe.skipIf(!hasThreads)("ProcessLock", () => {
  it.scopedLive("takes over the lock of a thread of another process only if that thread or its process has ended", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      const { kill, owner } = yield* sleeper
      // The main thread has the id and the start time of its process.
      const running = { tid: owner.pid, start: owner.start }
      const takes = (thread: { readonly tid: number; readonly start: string }, more: object = {}) =>
        Effect.gen(function* () {
          writeLock(path, { ...owner, thread, ...more })
          const taken = yield* Effect.either(locks.withLock(path)(Effect.void))
          fs.rmSync(path, { force: true })
          return taken._tag === "Right"
        })
      expect(yield* takes(running)).toBe(false)
      expect(yield* takes({ ...running, tid: unusedPid })).toBe(true)
      expect(yield* takes({ ...running, start: "1" })).toBe(true)
      expect(yield* takes({ ...running, tid: unusedPid }, { host: "another" })).toBe(false)
      expect(yield* takes({ ...running, tid: unusedPid }, { namespace: "pid:[1]" })).toBe(false)
      expect(yield* takes({ ...running, tid: unusedPid }, { start: "" })).toBe(false)
      kill()
      // The process ends some time after the kill. Its lock can be taken over then, so this loop ends.
      while (!(yield* takes(running))) yield* Effect.sleep("10 millis")
    })
  )
})
