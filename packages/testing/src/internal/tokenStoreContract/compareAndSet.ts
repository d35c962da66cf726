import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { same } from "./contractViolation.js"
import type { Summary } from "./fixtures.js"
import { bare, over, plain, read, token, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"

/** Cases of versions, compare-and-set and removal. */
export const records = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => {
  const test = over(harness)
  return [
    test("returns no record under a key that was never written", (store) =>
      Effect.gen(function* () {
        yield* same("the record", yield* read(store), undefined)
        yield* same("whether it was removed", yield* store.remove("key", 0), false)
      })),
    test("returns a token with all its fields and counts versions from 1", (store) =>
      Effect.gen(function* () {
        yield* same("the stored record", yield* write(store, 0, "a"), [1, "a"])
        const found = yield* store.get("key")
        yield* same(
          "the token",
          Option.map(found, (stored) => plain(stored.token)),
          Option.some(plain(token("a")))
        )
        yield* store.compareAndSet("key", 1, bare)
        const next = yield* store.get("key")
        yield* same(
          "the version",
          Option.map(next, ({ version }) => version),
          Option.some(2)
        )
        yield* same(
          "the bare token",
          Option.map(next, (stored) => plain(stored.token)),
          Option.some(plain(bare))
        )
      })),
    test("writes nothing when the expected version differs", (store) =>
      Effect.gen(function* () {
        yield* write(store, 0, "a")
        for (const wrong of [0, 2, -1, Number.NaN]) {
          yield* same(`a write that expects ${wrong}`, yield* write(store, wrong, "b"), undefined)
          yield* same(`a removal that expects ${wrong}`, yield* store.remove("key", wrong), false)
        }
        yield* same("the record", yield* read(store), [1, "a"])
      })),
    test("lets one of many writers succeed that expect the same version", (store) =>
      Effect.gen(function* () {
        const writes = Array.from({ length: 20 }, (_, n) => write(store, 0, `t${n}`))
        const won = (yield* Effect.all(writes, { concurrency: "unbounded" })).filter((one) => one !== undefined)
        yield* same("the number of successful writes", won.length, 1)
        yield* same("the record", yield* read(store), won[0])
      })),
    test("continues counting versions after a removal", (store) =>
      Effect.gen(function* () {
        yield* write(store, 0, "a")
        yield* write(store, 1, "b")
        yield* same("the removal", yield* store.remove("key", 2), true)
        yield* same("a second removal", yield* store.remove("key", 2), false)
        yield* same("the record", yield* read(store), undefined)
        yield* same("a write that expects the removed version", yield* write(store, 2, "c"), undefined)
        yield* same("a write that expects version 0", yield* write(store, 0, "c"), [3, "c"])
      })),
    test("stores an interrupted write whole or not at all, and accepts the next write", (store) =>
      Effect.gen(function* () {
        let last: Summary
        for (let round = 0; round < 12; round++) {
          const [version] = last ?? [0]
          const writing = yield* Effect.fork(write(store, version, `t${round}`))
          yield* Effect.sleep(round)
          yield* Fiber.interrupt(writing)
          const found: Summary = yield* read(store)
          if (found?.[0] === last?.[0]) yield* same("the record before the write", found, last)
          else yield* same("the record after an interrupted write", found, [version + 1, `t${round}`])
          last = found
        }
        const [version] = last ?? [0]
        yield* same("the next write", yield* write(store, version, "next"), [version + 1, "next"])
      }))
  ]
}
