import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import { inspect } from "node:util"
import { same, violation } from "./contractViolation.js"
import { canary, failure, over, read, write } from "./fixtures.js"
import type { Bytes, Case, Harness } from "./harness.js"

/** Evenly spread indexes, at most `most`, so that a large file does not take too long. */
const sampled = (count: number, most: number): ReadonlyArray<number> => {
  const step = Math.max(1, count / most)
  return Array.from({ length: Math.min(count, most) }, (_, n) => Math.floor(n * step))
}

/** The store must detect damage, and its error must not contain a token. */
const noticed = (store: TokenStore.Service, what: string) =>
  Effect.gen(function* () {
    const error = yield* failure(store.get("key"))
    if (error === undefined) return yield* violation(`${what}: the read succeeded, expected an error`)
    const shown = error.message + inspect(error) + JSON.stringify(error)
    if (shown.includes(canary)) return yield* violation(`${what}: the error contains a token`)
  })

/** A damaged record may be the only copy of a token, so the store must not change it. */
const kept = (store: TokenStore.Service, bytes: Bytes, broken: Uint8Array, what: string) =>
  Effect.gen(function* () {
    if ((yield* failure(write(store, 0, "other"))) === undefined)
      yield* violation(`${what}: the damaged record was overwritten`)
    if ((yield* failure(store.remove("key", 1))) === undefined)
      yield* violation(`${what}: the damaged record was removed`)
    yield* same(`${what}: the bytes`, Buffer.compare(yield* bytes.read, broken), 0)
  })

/** Cases of bytes that are truncated or changed without the store. */
export const damage = <Place>(harness: Harness<Place>, bytesOf: (place: Place) => Bytes): ReadonlyArray<Case> => {
  const test = over(harness)
  const spoiling = (
    name: string,
    spoilt: (whole: Uint8Array) => Iterable<readonly [what: string, bytes: Uint8Array]>
  ) =>
    test(name, (store, place) =>
      Effect.gen(function* () {
        yield* write(store, 0, "a")
        const bytes = bytesOf(place)
        const whole = yield* bytes.read
        let count = 0
        for (const [what, broken] of spoilt(whole)) {
          yield* bytes.write(broken)
          yield* noticed(store, what)
          if (count++ % 100 === 0) yield* kept(store, bytes, broken, what)
        }
        yield* bytes.write(whole)
        yield* same("the record after the bytes were restored", yield* read(store), [1, "a"])
      })
    )
  return [
    spoiling("detects truncation at each byte and keeps the damaged record", function* (whole) {
      for (const length of sampled(whole.length, 2_000)) yield [`cut at ${length}`, whole.subarray(0, length)]
    }),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((bit) =>
      spoiling(`detects a flipped bit ${bit} of any byte and keeps the damaged record`, function* (whole) {
        for (const at of sampled(whole.length, 2_000)) {
          const broken = Uint8Array.from(whole)
          broken[at] = (broken[at] ?? 0) ^ (1 << bit)
          yield [`byte ${at}`, broken]
        }
      })
    ),
    spoiling("detects content that is no record", function* () {
      for (const text of ["null", "[]", "{}", "0", '"text"', "\ufeff{}", "{}".repeat(1000), "\u0000".repeat(64)]) {
        yield [JSON.stringify(text.slice(0, 20)), new TextEncoder().encode(text)]
      }
    })
  ]
}
