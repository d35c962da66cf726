import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { vi } from "vitest"
import { tryAcquire, release } from "../../../src/internal/lock/lockFile.js"
import { currentProcess } from "../../../src/internal/lock/processIdentity.js"
import { folder } from "../../support/folder.js"
import { unusedPid, nonceOf } from "../../support/locks.js"

describe("lockFile", () => {
  it.live("lets at most one of eight contenders take over the lock of a dead process, in each of 150 rounds", () =>
    Effect.gen(function* () {
      const root = join(yield* folder, "app.lock")
      const me = yield* currentProcess
      const lockFiles = { root, self: me }
      let round = 0
      let wins = 0
      for (; round < 150; round++) {
        const dead = { ...me, pid: unusedPid, nonce: nonceOf(round + 1) }
        fs.writeFileSync(root, JSON.stringify(dead))
        // Every third round, a process died during a takeover. Every fifth, a power failure emptied the file.
        if (round % 3 === 0)
          fs.writeFileSync(`${root}.${dead.nonce}.guard`, JSON.stringify({ ...dead, nonce: nonceOf(1000 + round) }))
        if (round % 5 === 0) fs.writeFileSync(root, "")
        const holders = yield* Effect.forEach(
          Array.from({ length: 8 }, (_, i) => nonceOf(10_000 + round * 8 + i)),
          // Each claims twice, as a late contender does with an outdated view of the file.
          (nonce) =>
            tryAcquire(lockFiles, root, nonce).pipe(
              Effect.filterOrElse(Option.isNone, () => tryAcquire(lockFiles, root, nonce)),
              Effect.map((seen) => (Option.isNone(seen) ? [nonce] : []))
            ),
          { concurrency: "unbounded" }
        ).pipe(Effect.map((all) => all.flat()))
        expect(holders.length).toBeLessThanOrEqual(1)
        wins += holders.length
        const [winner] = holders
        if (winner !== undefined) {
          expect(fs.readFileSync(root, "utf8")).toContain(winner)
          yield* release(root, winner)
        }
        fs.rmSync(root, { force: true })
      }
      expect(wins).toBeGreaterThan(round / 2)
    }).pipe(Effect.scoped)
  )

  it.live("does not remove the lock of a new holder after it read the previous owner", () =>
    Effect.gen(function* () {
      const root = join(yield* folder, "app.lock")
      const me = yield* currentProcess
      const lockFiles = { root, self: me }
      fs.writeFileSync(root, JSON.stringify({ ...me, pid: unusedPid, nonce: nonceOf(1) }))

      // The late contender has read the dead owner and is paused before it takes that owner's guard.
      const late = yield* Deferred.make<void>()
      const original = fs.promises.link
      const spy = vi.spyOn(fs.promises, "link").mockImplementationOnce(async (from, to) => {
        await Effect.runPromise(Deferred.await(late))
        return original(from, to)
      })
      syncBuiltinESMExports()
      yield* Effect.addFinalizer(() => Effect.sync(() => (spy.mockRestore(), syncBuiltinESMExports())))
      const lateOne = yield* Effect.fork(tryAcquire(lockFiles, root, nonceOf(2)))
      yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => spy.mock.calls.length === 1 })

      expect(Option.isNone(yield* tryAcquire(lockFiles, root, nonceOf(3)))).toBe(true)
      yield* Deferred.succeed(late, undefined)
      expect(Option.isSome(yield* Fiber.join(lateOne))).toBe(true)
      expect(fs.readFileSync(root, "utf8")).toContain(nonceOf(3))
    }).pipe(Effect.scoped)
  )
})
