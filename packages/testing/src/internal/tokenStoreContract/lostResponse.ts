import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { same, violation } from "./contractViolation.js"
import { over, read, write } from "./fixtures.js"
import type { Case, Harness, LossyStore } from "./harness.js"

/** Cases of changes that are carried out, while their responses are lost. */
export const lostResponse = <Place>(
  harness: Harness<Place>,
  open: (place: Place) => Effect.Effect<LossyStore, unknown, Scope.Scope>
): ReadonlyArray<Case> => {
  const test = over(harness)
  return [
    test("does not report a write as refused when its response is lost, and finds it with the next read", (other, place) =>
      Effect.gen(function* () {
        const { loseNext, store } = yield* open(place)
        for (let version = 0; version < 3; version++) {
          yield* loseNext
          const result = yield* Effect.either(write(store, version, `v${version + 1}`))
          const found = yield* read(store)
          yield* same("the record that another store reads", yield* read(other), found)
          if (Either.isRight(result)) yield* same("the record after a successful write", found, result.right)
          if (found?.[0] !== version + 1) yield* violation("the write was not carried out: check `loseNext`")
          yield* same("the record", found, [version + 1, `v${version + 1}`])
        }
      })),
    test("does not report a removal as refused when its response is lost", (other, place) =>
      Effect.gen(function* () {
        const { loseNext, store } = yield* open(place)
        yield* write(other, 0, "a")
        yield* loseNext
        const removed = yield* Effect.either(store.remove("key", 1))
        if (Either.isRight(removed)) yield* same("the result of the removal", removed.right, true)
        const found: Option.Option<VersionedToken> = yield* store.get("key")
        yield* same("whether a record is there", Option.isSome(found), false)
      }))
  ]
}
