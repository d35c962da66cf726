import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import { inspect } from "node:util"
import { same, violation } from "./contractViolation.js"
import { canary, failure, over, read, write } from "./fixtures.js"
import type { Bytes, Case, Harness } from "./harness.js"

/** Every so many of them at most, so that a large file does not take all day: spread evenly, the ends among them. */
const sampled = (count: number, most: number): ReadonlyArray<number> => {
  const step = Math.max(1, count / most)
  return Array.from({ length: Math.min(count, most) }, (_, n) => Math.floor(n * step))
}

/** Damage has to be noticed by whoever reads, and shown to nobody. */
const noticed = (store: TokenStore.Service, what: string) =>
  Effect.gen(function* () {
    const error = yield* failure(store.get("key"))
    if (error === undefined) return yield* violation(`${what}: it was read as if nothing had happened`)
    const shown = error.message + inspect(error) + JSON.stringify(error)
    if (shown.includes(canary)) return yield* violation(`${what}: the error shows a token`)
  })

/** What is broken may hold the only copy of a token: it is for people to look at. */
const kept = (store: TokenStore.Service, bytes: Bytes, broken: Uint8Array, what: string) =>
  Effect.gen(function* () {
    if ((yield* failure(write(store, 0, "other"))) === undefined) yield* violation(`${what}: it was overwritten`)
    if ((yield* failure(store.remove("key", 1))) === undefined) yield* violation(`${what}: it was removed`)
    yield* same(`${what}: the bytes`, Buffer.compare(yield* bytes.read, broken), 0)
  })

/** Bytes that are cut or changed behind the store's back. */
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
        yield* same("what is read when all is well again", yield* read(store), [1, "a"])
      })
    )
  return [
    spoiling("notices that it was cut, at each byte, and leaves it as it is", function* (whole) {
      for (const length of sampled(whole.length, 2_000)) yield [`cut at ${length}`, whole.subarray(0, length)]
    }),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((bit) =>
      spoiling(`notices that bit ${bit} of any byte is another, and leaves it as it is`, function* (whole) {
        for (const at of sampled(whole.length, 2_000)) {
          const broken = Uint8Array.from(whole)
          broken[at] = (broken[at] ?? 0) ^ (1 << bit)
          yield [`byte ${at}`, broken]
        }
      })
    ),
    spoiling("notices what is no record at all", function* () {
      for (const text of ["null", "[]", "{}", "0", '"text"', "\ufeff{}", "{}".repeat(1000), "\u0000".repeat(64)]) {
        yield [JSON.stringify(text.slice(0, 20)), new TextEncoder().encode(text)]
      }
    })
  ]
}
