import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import fs from "node:fs"
import { dirname } from "node:path"
import { Worker } from "node:worker_threads"
import { namesIn } from "./support/folder.js"
import { lockFile, nobody, tryOnce, write } from "./support/locks.js"
import { fileOf, sleeper } from "./support/program.js"

const hasThreads = fs.existsSync("/proc/thread-self")

/** A worker thread that holds the lock. */
const holding = (path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const worker = new Worker(await fileOf("holdInThread"), { workerData: path })
      await once(worker, "message")
      return worker
    }),
    (worker) => Effect.promise(() => worker.terminate())
  )

describe.skipIf(!hasThreads)("a worker thread that holds a lock", () => {
  it.scopedLive("keeps other threads of its process out, and loses the lock when it is terminated", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      const worker = yield* holding(path)
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

  it.scopedLive("is waited for, and the waiter gets the lock when it is terminated", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* ProcessLock.make({ lockTimeout: "30 seconds" })
      const worker = yield* holding(path)
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

describe.skipIf(!hasThreads)("a lock that names a thread of another process", () => {
  it.scopedLive("is taken over only if that thread, or its process, has ended", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      const locks = yield* tryOnce
      const { kill, owner } = yield* sleeper
      // The main thread has the number of its process, and began with it.
      const running = { tid: owner.pid, start: owner.start }
      const takes = (thread: { readonly tid: number; readonly start: string }, more: object = {}) =>
        Effect.gen(function* () {
          write(path, { ...owner, thread, ...more })
          const taken = yield* Effect.either(locks.withLock(path)(Effect.void))
          fs.rmSync(path, { force: true })
          return taken._tag === "Right"
        })
      expect(yield* takes(running)).toBe(false)
      expect(yield* takes({ ...running, tid: nobody })).toBe(true)
      expect(yield* takes({ ...running, start: "1" })).toBe(true)
      expect(yield* takes({ ...running, tid: nobody }, { host: "another" })).toBe(false)
      expect(yield* takes({ ...running, tid: nobody }, { namespace: "pid:[1]" })).toBe(false)
      expect(yield* takes({ ...running, tid: nobody }, { start: "" })).toBe(false)
      kill()
      // It ends in its own time. The lock of a process that has ended can be taken, so this comes to an end.
      while (!(yield* takes(running))) yield* Effect.sleep("10 millis")
    })
  )
})
