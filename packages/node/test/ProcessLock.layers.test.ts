import { TokenStore } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as ProcessLock from "@countersign/node/ProcessLock"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import fs from "node:fs"
import { basename, dirname } from "node:path"
import { currentProcess } from "../src/internal/lock/processIdentity.js"
import { namesIn } from "./support/folder.js"
import { lockFile, nonceOf, writeLock } from "./support/locks.js"
import { file, small, textOf, versionOf } from "./support/tokens.js"

interface LockRequest {
  readonly name: string
  readonly lockTimeout: number | undefined
}

/** A lock service without files, such as one of a database. It records its requests. */
const recordingLocks = (requests: Array<LockRequest>, failure?: TokenStoreError): ProcessLock.Service => ({
  lockScope: "cluster",
  withLock: (path, options) => (effect) => {
    const { lockTimeout } = options ?? {}
    requests.push({
      name: basename(path),
      lockTimeout: lockTimeout === undefined ? undefined : Duration.toMillis(lockTimeout)
    })
    return failure === undefined ? effect : Effect.fail(failure)
  }
})

const isFree = Effect.as(Effect.void, "free")

describe("FileTokenStore", () => {
  it.scoped(
    "uses the ProcessLock of its context for writes and keys, with its own lockTimeout and the scope of the lock",
    () =>
      Effect.gen(function* () {
        const path = yield* file
        const requests: Array<LockRequest> = []
        const files: Array<string> = []
        const StoreLive = FileTokenStore.layer({ path, lockTimeout: "2 seconds" }).pipe(
          Layer.provide(Layer.succeed(ProcessLock.ProcessLock, recordingLocks(requests)))
        )
        const store = yield* Effect.provide(TokenStore, StoreLive)
        expect(store.lockScope).toBe("cluster")
        yield* store.compareAndSet("key", 0, small("a"))
        yield* store.withLock("key")(Effect.sync(() => files.push(...namesIn(dirname(path)))))
        expect(requests).toEqual([
          { name: "tokens.json.lock", lockTimeout: 2000 },
          { name: expect.stringMatching(/^tokens\.json\.[0-9a-f]{32}\.lock$/), lockTimeout: 2000 }
        ])
        expect(files).toEqual(["tokens.json"])
      })
  )

  it.scoped("fails with the error of the lock and writes nothing", () =>
    Effect.gen(function* () {
      const path = yield* file
      const busy = new TokenStoreError({ reason: "LockTimeout", detail: "held by another node" })
      const locks = Effect.provideService(ProcessLock.ProcessLock, recordingLocks([], busy))
      const store = yield* locks(FileTokenStore.make({ path }))
      expect(yield* Effect.flip(store.compareAndSet("key", 0, small("a")))).toBe(busy)
      expect(yield* Effect.flip(store.withLock("key")(isFree))).toBe(busy)
      expect(fs.existsSync(path)).toBe(false)
    })
  )

  it.scoped("removes leftover files with tokens under the lock of its context and keeps an empty lock file", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.flatMap(FileTokenStore.make({ path }), (store) => store.compareAndSet("key", 0, small("a")))
      fs.writeFileSync(`${path}.lock`, "")
      fs.writeFileSync(`${path}.${nonceOf(1)}.tmp`, "canary-leftover")
      const requests: Array<LockRequest> = []
      yield* FileTokenStore.make({ path }).pipe(
        Effect.provideService(ProcessLock.ProcessLock, recordingLocks(requests)),
        Effect.tap((store) => Effect.map(store.get("key"), (stored) => expect(textOf(stored)).toBe("canary-a")))
      )
      expect(requests).toEqual([{ name: "tokens.json.lock", lockTimeout: 0 }])
      expect(namesIn(dirname(path))).toEqual(["tokens.json", "tokens.json.lock"])
    })
  )
})

describe("ProcessLock", () => {
  it.live("waits for the lockTimeout of the call, else of the store, else of the layer", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      writeLock(path, { ...(yield* currentProcess), host: "elsewhere" })
      const waits = (options: ProcessLock.Options, ofCall?: ProcessLock.Options) =>
        Effect.flatMap(ProcessLock.fromContext(options), (locks) =>
          Effect.timed(Effect.flip(locks.withLock(path, ofCall)(isFree)))
        ).pipe(
          Effect.map(([took, error]) => {
            expect(error.reason).toBe("LockTimeout")
            return Duration.toMillis(took)
          })
        )
      const [ofLayer, ofStore, ofCall] = yield* Effect.all([
        waits({}),
        waits({ lockTimeout: "2 seconds" }),
        waits({ lockTimeout: "2 seconds" }, { lockTimeout: 0 })
      ] as const).pipe(Effect.provide(ProcessLock.layer({ lockTimeout: "1 second" })))
      expect(ofLayer).toBeGreaterThanOrEqual(1000)
      expect(ofStore).toBeGreaterThanOrEqual(2000)
      expect(ofCall).toBeLessThan(ofLayer)
    }).pipe(Effect.scoped)
  )

  it.scoped("excludes only the fibers of this process and writes no file with layerMemory", () =>
    Effect.gen(function* () {
      const path = yield* file
      const store = yield* Effect.provide(FileTokenStore.make({ path }), ProcessLock.layerMemory)
      expect(store.lockScope).toBe("process")
      let seen = 0
      const add = Effect.gen(function* () {
        const stored = yield* store.get("key")
        yield* Effect.yieldNow()
        yield* store.compareAndSet("key", versionOf(stored) ?? 0, small("a"))
        seen += namesIn(dirname(path)).filter((name) => name.endsWith(".lock")).length
      })
      yield* Effect.all(
        Array.from({ length: 10 }, () => store.withLock("key")(add)),
        { concurrency: "unbounded" }
      )
      expect([versionOf(yield* store.get("key")), seen]).toEqual([10, 0])
    })
  )
})
