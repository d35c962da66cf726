import * as Effect from "effect/Effect"
import { same } from "./contractViolation.js"
import { over, plain, read, token, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"
import { crowd } from "./mutualExclusion.js"
import * as Option from "effect/Option"

/** Cases of records that two processes share. */
export const shared = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => {
  const test = over(harness)
  return [
    test("keeps records and versions for the next store that opens the place", (store, place) =>
      Effect.gen(function* () {
        yield* write(store, 0, "a")
        yield* write(store, 1, "b")
        const next = yield* harness.open(place)
        const found = yield* next.get("key")
        yield* same(
          "the token",
          Option.map(found, (stored) => plain(stored.token)),
          Option.some(plain(token("b")))
        )
        yield* same("the next write", yield* write(next, 2, "c"), [3, "c"])
        yield* same("the record of the first store", yield* read(store), [3, "c"])
      })),
    test("continues counting versions after a removal by another process", (store, place) =>
      Effect.gen(function* () {
        const other = yield* harness.open(place)
        yield* write(store, 0, "a")
        yield* same("the removal", yield* other.remove("key", 1), true)
        yield* same("the next write", yield* write(store, 0, "b"), [2, "b"])
        const third = yield* harness.open(place)
        yield* same("the record of the next store", yield* read(third), [2, "b"])
      })),
    test("lets one of two processes succeed that expect the same version, repeatedly", (store, place) =>
      Effect.gen(function* () {
        const other = yield* harness.open(place)
        for (let version = 0; version < 10; version++) {
          const writes = [write(store, version, "a"), write(other, version, "b"), write(store, version, "c")]
          const won = (yield* Effect.all(writes, { concurrency: "unbounded" })).filter((one) => one !== undefined)
          yield* same(`the number of successful writes that expect version ${version}`, won.length, 1)
        }
        yield* same("the version", (yield* read(other))?.[0], 10)
      })),
    test("keeps concurrent writes of two processes to different keys", (store, place) =>
      Effect.gen(function* () {
        const other = yield* harness.open(place)
        const keys = Array.from({ length: 10 }, (_, n) => `key-${n}`)
        yield* Effect.forEach(keys, (key, n) => write(n % 2 === 0 ? store : other, 0, key, key), {
          concurrency: "unbounded"
        })
        for (const key of keys) yield* same(`the record of ${key}`, yield* read(store, key), [1, key])
      })),
    test("admits one process at a time into the lock", (store, place) =>
      Effect.gen(function* () {
        const other = yield* harness.open(place)
        yield* same("the number inside the lock, now and at most", yield* crowd([store, other]), [0, 1])
      }))
  ]
}
