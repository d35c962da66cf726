import * as FileTokenStore from "@countersign/node/FileTokenStore"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import fs from "node:fs"
import { dirname } from "node:path"
import { currentProcess } from "../src/internal/lock/processIdentity.js"
import { namesIn } from "./support/folder.js"
import { nextLine, run } from "./support/program.js"
import { file, small, storeIn, textOf, token, versionOf } from "./support/tokens.js"

describe("FileTokenStore", () => {
  for (const [mode, times] of [
    ["withLock", 50],
    ["compareAndSet", 15]
  ] as const) {
    it.live(`loses no update when four processes each add ${times} through ${mode}`, () =>
      Effect.gen(function* () {
        const path = yield* file
        const programs = yield* Effect.all(Array.from({ length: 4 }, () => run("increment", path, mode, String(times))))
        for (const program of programs) expect(yield* nextLine(program)).toBe("lost 0")
        const stored = yield* Effect.flatMap(storeIn(path), (store) => store.get("count"))
        expect([textOf(stored), versionOf(stored)]).toEqual([String(4 * times), 4 * times])
        expect(namesIn(dirname(path))).toEqual(["tokens.json"])
      }).pipe(Effect.scoped)
    )
  }

  it.live("loses no update when 40 fibers write through two services on one file", () =>
    Effect.gen(function* () {
      const path = yield* file
      const stores = [yield* FileTokenStore.make({ path }), yield* FileTokenStore.make({ path })] as const
      const add = (store: (typeof stores)[0]) =>
        Effect.gen(function* () {
          const stored = yield* store.get("key")
          const count = Option.match(stored, {
            onNone: () => 0,
            onSome: ({ token }) => Redacted.value(token.accessToken).length - 7
          })
          return yield* store.compareAndSet("key", versionOf(stored) ?? 0, small("x".repeat(count + 1)))
        }).pipe(store.withLock("key"))
      yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        (i) => add(stores[i % 2 === 0 ? 0 : 1]),
        {
          concurrency: "unbounded"
        }
      )
      const stored = yield* stores[0].get("key")
      expect([textOf(stored)?.length, versionOf(stored)]).toEqual([47, 40])
    }).pipe(Effect.scoped)
  )

  it.live("reads only complete files and never an older version while another service writes", () =>
    Effect.gen(function* () {
      const path = yield* file
      const writer = yield* FileTokenStore.make({ path })
      const reader = yield* FileTokenStore.make({ path })
      yield* writer.compareAndSet("key", 0, token("1"))
      const writing = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 100 }, (_, i) => i + 1),
          (i) => writer.compareAndSet("key", i, token(`${i + 1}`))
        )
      )
      let seen = 0
      for (let reads = 0; seen < 101; reads++) {
        const stored = yield* reader.get("key")
        expect(textOf(stored)).toBe(`canary-${versionOf(stored)}`)
        expect(versionOf(stored)).toBeGreaterThanOrEqual(seen)
        seen = versionOf(stored) ?? 0
      }
      yield* Fiber.join(writing)
    }).pipe(Effect.scoped)
  )

  it.live("runs locked effects of different keys at the same time and those of one key in sequence", () =>
    Effect.gen(function* () {
      const store = yield* Effect.flatMap(file, (path) => FileTokenStore.make({ path }))
      const running = { now: 0, most: 0 }
      const work = Effect.gen(function* () {
        running.now += 1
        running.most = Math.max(running.most, running.now)
        yield* Effect.sleep("100 millis")
        running.now -= 1
      })
      yield* Effect.all([store.withLock("a")(work), store.withLock("a")(work)], { concurrency: 2 })
      expect(running).toEqual({ now: 0, most: 1 })
      yield* Effect.all([store.withLock("a")(work), store.withLock("b")(work)], { concurrency: 2 })
      expect(running).toEqual({ now: 0, most: 2 })
      // The store can be used inside its own lock.
      yield* store.withLock("a")(store.compareAndSet("a", 0, token("a")))
    }).pipe(Effect.scoped)
  )
})

describe("FileTokenStore", () => {
  it.live(
    "keeps the old token or the new one and leaves no files when its process is killed before any disk operation",
    () =>
      Effect.gen(function* () {
        const check = (at: number) =>
          Effect.gen(function* () {
            const path = yield* file
            const store = yield* FileTokenStore.make({ path })
            yield* store.compareAndSet("key", 0, small("old"))
            const program = yield* run("killDuringWrite", path, String(at))
            const line = yield* nextLine(program)
            const end = yield* Effect.promise(() => program.end)

            const [took, version] = yield* Effect.timed(
              Effect.gen(function* () {
                const next = yield* FileTokenStore.make({ path })
                const stored = yield* next.get("key")
                expect([undefined, "canary-old", "canary-new"].indexOf(textOf(stored))).toBe(versionOf(stored))
                // Nothing is written yet, and no file of the killed process is left.
                expect(namesIn(dirname(path))).toEqual(["tokens.json"])
                yield* next.compareAndSet("key", versionOf(stored) ?? 0, small("next"))
                return versionOf(stored)
              })
            )
            // Waiting for a leftover lock would take fifteen seconds.
            expect(Duration.toMillis(took)).toBeLessThan(14_000)
            expect(fs.readFileSync(path, "utf8")).toContain("canary-next")
            return { at, line, end, version }
          }).pipe(Effect.scoped)

        const whole = yield* check(0)
        const lock = "open chmod writeFile link unlink"
        expect([whole.end, whole.version]).toEqual([0, 2])
        // This order makes the token durable: the file is flushed before its rename, the folder after it.
        expect(whole.line).toBe(`${lock} open chmod writeFile sync rename sync unlink`)
        // Before each operation, and half-way through writing each of the two files.
        const points = [1, 2, 3, 3.5, 4, 5, 6, 7, 8, 8.5, 9, 10, 11, 12]
        const results = yield* Effect.forEach(points, check, { concurrency: 2 })
        expect(new Set(results.map(({ end }) => end))).toEqual(new Set(["SIGKILL"]))
        // The old token until the rename, the new one afterwards.
        expect(results.map(({ version }) => version)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2])
      })
  )

  it.live("removes only its own leftover files when it is opened", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.flatMap(storeIn(path), (store) => store.compareAndSet("key", 0, small("old")))
      const hex = "0123456789abcdef".repeat(2)
      const me = yield* currentProcess
      const otherFiles = ["tokens.json.bak", `other.json.${hex}.tmp`, `tokens.json.${hex}.tmp.old`, "tokens.json.tmp"]
      for (const name of otherFiles) fs.writeFileSync(`${dirname(path)}/${name}`, "other")
      fs.writeFileSync(`${path}.${hex}.lock`, JSON.stringify({ ...me, nonce: hex }))
      fs.symlinkSync("tokens.json", `${path}.${hex.replace("0", "f")}.tmp`)
      const before = namesIn(dirname(path))
      fs.writeFileSync(`${path}.${hex}.tmp`, "leftover")
      yield* storeIn(path)
      expect(namesIn(dirname(path))).toEqual(before)
    }).pipe(Effect.scoped)
  )
})
