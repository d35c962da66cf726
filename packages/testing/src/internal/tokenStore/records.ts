import type { Token } from "@countersign/auth/Token"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import type { Case, Harness } from "../../TokenStoreContract.js"
import { canary, failure, over, plain, read, token, write } from "./tokens.js"
import { same, violation } from "./violation.js"

/** Keys that are a path, a part of an object, nothing, or no well-formed text. */
const odd = [
  "",
  " ",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "a/b",
  "a\u0000b",
  "A/B",
  "a/B",
  "ä",
  "a\u0308",
  "\ud800"
]

const bare: Token = { accessToken: Redacted.make(`${canary}bare`), tokenType: "Bearer", obtainedAt: 5 }

/** Versions, compare-and-set, removal, keys and values. */
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
    test("keeps any two keys apart, whatever characters they hold", (store) =>
      Effect.gen(function* () {
        const more = FastCheck.sample(FastCheck.string({ unit: "binary" }), { numRuns: 20, seed: 11 })
        const keys = [...new Set([...odd, ...more])]
        for (const [n, key] of keys.entries()) yield* write(store, 0, `t${n}`, key)
        for (const [n, key] of keys.entries()) {
          yield* same(`the record of ${JSON.stringify(key)}`, yield* read(store, key), [1, `t${n}`])
        }
        yield* same("what every object has", Object.hasOwn(Object.prototype, "token"), false)
      })),
    test("stores a long key and a large token, or refuses them, and harms nothing else", (store) =>
      Effect.gen(function* () {
        yield* write(store, 0, "a")
        const long = "x".repeat(4 * 1024 * 1024)
        for (const [what, attempt] of [
          ["key", write(store, 0, "b", long)],
          [
            "token",
            Effect.map(store.compareAndSet("large", 0, { ...bare, accessToken: Redacted.make(long) }), () => undefined)
          ]
        ] as const) {
          const error = yield* failure(attempt)
          const text = error === undefined ? "" : error.message + inspect(error)
          if (text.length > 8192) yield* violation(`the error of a long ${what} has ${text.length} characters`)
        }
        yield* same("the record", yield* read(store), [1, "a"])
        yield* same("the next one", yield* write(store, 1, "b"), [2, "b"])
      }))
  ]
}
