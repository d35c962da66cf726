import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { same } from "./contractViolation.js"
import { over, read, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"
import { crowd } from "./mutualExclusion.js"

/** Cases of two stores that share the connections of one pool. */
export const sharedPool = <Place>(
  harness: Harness<Place>,
  open: (
    place: Place
  ) => Effect.Effect<readonly [one: TokenStore.Service, other: TokenStore.Service], unknown, Scope.Scope>
): ReadonlyArray<Case> => {
  const test = over(harness)
  return [
    test("admits one of two stores with one pool of connections at a time into the lock", (_, place) =>
      Effect.flatMap(open(place), (stores) =>
        Effect.flatMap(crowd(stores), (found) => same("the number inside the lock, now and at most", found, [0, 1]))
      )),
    test("reads and writes inside of a held lock while another store with the same pool waits for the lock", (_, place) =>
      Effect.gen(function* () {
        const [one, other] = yield* open(place)
        const add = (store: TokenStore.Service) =>
          store.withLock("key")(Effect.flatMap(read(store), (found) => write(store, found?.[0] ?? 0, "next")))
        const stores = [one, other, one, other, one, other]
        yield* Effect.forEach(stores, add, { concurrency: "unbounded" })
        yield* same("the record", yield* read(one), [stores.length, "next"])
      }))
  ]
}
