import * as Effect from "effect/Effect"
import { same } from "./contractViolation.js"
import { over, plain, read, token, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"
import { crowd } from "./mutualExclusion.js"
import * as Option from "effect/Option"

/** Records that two processes have in common. */
export const shared = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => {
  const test = over(harness)
  return [
    test("keeps what was stored for whoever opens it next, with its version", (store, place) =>
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
        yield* same("what the first one reads", yield* read(store), [3, "c"])
      })),
    test("goes on counting after a removal by somebody else", (store, place) =>
      Effect.gen(function* () {
        const other = yield* harness.open(place)
        yield* write(store, 0, "a")
        yield* same("the removal", yield* other.remove("key", 1), true)
        yield* same("the next write", yield* write(store, 0, "b"), [2, "b"])
        const third = yield* harness.open(place)
        yield* same("what the next one reads", yield* read(third), [2, "b"])
      })),
    test("lets one of two win who expect the same version, again and again", (store, place) =>
      Effect.gen(function* () {
        const other = yield* harness.open(place)
        for (let version = 0; version < 10; version++) {
          const writes = [write(store, version, "a"), write(other, version, "b"), write(store, version, "c")]
          const won = (yield* Effect.all(writes, { concurrency: "unbounded" })).filter((one) => one !== undefined)
          yield* same(`those who won against version ${version}`, won.length, 1)
        }
        yield* same("the version", (yield* read(other))?.[0], 10)
      })),
    test("loses no write to another key by somebody else", (store, place) =>
      Effect.gen(function* () {
        const other = yield* harness.open(place)
        const keys = Array.from({ length: 10 }, (_, n) => `key-${n}`)
        yield* Effect.forEach(keys, (key, n) => write(n % 2 === 0 ? store : other, 0, key, key), {
          concurrency: "unbounded"
        })
        for (const key of keys) yield* same(`the record of ${key}`, yield* read(store, key), [1, key])
      })),
    test("lets one at a time into what is exclusive, of all who opened it", (store, place) =>
      Effect.gen(function* () {
        const other = yield* harness.open(place)
        yield* same("those inside, now and at most", yield* crowd([store, other]), [0, 1])
      }))
  ]
}
