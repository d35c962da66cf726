import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { same } from "./contractViolation.js"
import type { Summary } from "./fixtures.js"
import { bare, over, plain, read, token, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"

/** Versions, compare-and-set and removal. */
export const records = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => {
  const test = over(harness)
  return [
    test("has nothing under a key that was never written", (store) =>
      Effect.gen(function* () {
        yield* same("the record", yield* read(store), undefined)
        yield* same("whether it was removed", yield* store.remove("key", 0), false)
      })),
    test("gives back a token with all that belongs to it, and counts versions from 1", (store) =>
      Effect.gen(function* () {
        yield* same("what is stored", yield* write(store, 0, "a"), [1, "a"])
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
    test("writes nothing where another version is there than was expected", (store) =>
      Effect.gen(function* () {
        yield* write(store, 0, "a")
        for (const wrong of [0, 2, -1, Number.NaN]) {
          yield* same(`a write that expects ${wrong}`, yield* write(store, wrong, "b"), undefined)
          yield* same(`a removal that expects ${wrong}`, yield* store.remove("key", wrong), false)
        }
        yield* same("the record", yield* read(store), [1, "a"])
      })),
    test("lets one of many writers win who expect the same version", (store) =>
      Effect.gen(function* () {
        const writes = Array.from({ length: 20 }, (_, n) => write(store, 0, `t${n}`))
        const won = (yield* Effect.all(writes, { concurrency: "unbounded" })).filter((one) => one !== undefined)
        yield* same("the number of those who won", won.length, 1)
        yield* same("the record", yield* read(store), won[0])
      })),
    test("goes on counting after a removal", (store) =>
      Effect.gen(function* () {
        yield* write(store, 0, "a")
        yield* write(store, 1, "b")
        yield* same("the removal", yield* store.remove("key", 2), true)
        yield* same("a second one", yield* store.remove("key", 2), false)
        yield* same("the record", yield* read(store), undefined)
        yield* same("a write that expects what was removed", yield* write(store, 2, "c"), undefined)
        yield* same("a write that expects nothing", yield* write(store, 0, "c"), [3, "c"])
      })),
    test("has stored a write that was interrupted whole or not at all, and goes on from there", (store) =>
      Effect.gen(function* () {
        let last: Summary
        for (let round = 0; round < 12; round++) {
          const [version] = last ?? [0]
          const writing = yield* Effect.fork(write(store, version, `t${round}`))
          yield* Effect.sleep(round)
          yield* Fiber.interrupt(writing)
          const found: Summary = yield* read(store)
          if (found?.[0] === last?.[0]) yield* same("what was there before", found, last)
          else yield* same("what an interrupted write left", found, [version + 1, `t${round}`])
          last = found
        }
        const [version] = last ?? [0]
        yield* same("the next write", yield* write(store, version, "next"), [version + 1, "next"])
      }))
  ]
}
