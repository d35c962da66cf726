import { TokenStore } from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
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
import { lockFile, nonceOf, write } from "./support/locks.js"
import { file, small, textOf, versionOf } from "./support/tokens.js"

interface Asked {
  readonly name: string
  readonly lockTimeout: number | undefined
}

/** Locks of a database, say: they leave no files, and write down what they were asked for. */
const recording = (asked: Array<Asked>, answer?: TokenStoreError): ProcessLock.Service => ({
  reach: "cluster",
  withLock: (path, options) => (effect) => {
    const { lockTimeout } = options ?? {}
    asked.push({
      name: basename(path),
      lockTimeout: lockTimeout === undefined ? undefined : Duration.toMillis(lockTimeout)
    })
    return answer === undefined ? effect : Effect.fail(answer)
  }
})

const isFree = Effect.as(Effect.void, "free")

describe("another lock in the context", () => {
  it.scoped("a file store uses it for writes and for each key, with its own time to wait, and reaches as far", () =>
    Effect.gen(function* () {
      const path = yield* file
      const asked: Array<Asked> = []
      const files: Array<string> = []
      const StoreLive = FileTokenStore.layer({ path, lockTimeout: "2 seconds" }).pipe(
        Layer.provide(Layer.succeed(ProcessLock.ProcessLock, recording(asked)))
      )
      const store = yield* Effect.provide(TokenStore, StoreLive)
      expect(store.lockScope).toBe("cluster")
      yield* store.compareAndSet("key", 0, small("a"))
      yield* store.withLock("key")(Effect.sync(() => files.push(...namesIn(dirname(path)))))
      expect(asked).toEqual([
        { name: "tokens.json.lock", lockTimeout: 2000 },
        { name: expect.stringMatching(/^tokens\.json\.[0-9a-f]{32}\.lock$/), lockTimeout: 2000 }
      ])
      expect(files).toEqual(["tokens.json"])
    })
  )

  it.scoped("what it says is what the caller is told, and nothing is written", () =>
    Effect.gen(function* () {
      const path = yield* file
      const busy = new TokenStoreError({ reason: "LockTimeout", detail: "held by another node" })
      const locks = Effect.provideService(ProcessLock.ProcessLock, recording([], busy))
      const store = yield* locks(FileTokenStore.make({ path }))
      expect(yield* Effect.flip(store.compareAndSet("key", 0, small("a")))).toBe(busy)
      expect(yield* Effect.flip(store.withLock("key")(isFree))).toBe(busy)
      expect(fs.existsSync(path)).toBe(false)
    })
  )

  it.scoped(
    "leftovers with tokens in them are removed under that lock, and an empty lock file of another kind stays",
    () =>
      Effect.gen(function* () {
        const path = yield* file
        yield* Effect.flatMap(FileTokenStore.make({ path }), (store) => store.compareAndSet("key", 0, small("a")))
        fs.writeFileSync(`${path}.lock`, "")
        fs.writeFileSync(`${path}.${nonceOf(1)}.tmp`, "canary-leftover")
        const asked: Array<Asked> = []
        yield* FileTokenStore.make({ path }).pipe(
          Effect.provideService(ProcessLock.ProcessLock, recording(asked)),
          Effect.tap((store) => Effect.map(store.get("key"), (stored) => expect(textOf(stored)).toBe("canary-a")))
        )
        expect(asked).toEqual([{ name: "tokens.json.lock", lockTimeout: 0 }])
        expect(namesIn(dirname(path))).toEqual(["tokens.json", "tokens.json.lock"])
      })
  )
})

describe("layers", () => {
  it.live("the time to wait is the call's, else the store's, else the layer's", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      write(path, { ...(yield* currentProcess), host: "elsewhere" })
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

  it.scoped(
    "locks of memory keep the fibers of this process apart, write no file, and say that they reach no further",
    () =>
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
