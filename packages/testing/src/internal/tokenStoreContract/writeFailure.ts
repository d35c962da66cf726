import * as Effect from "effect/Effect"
import { same, violation } from "./contractViolation.js"
import { failure, over, read, write } from "./fixtures.js"
import type { Case, Disk, Harness } from "./harness.js"

/** Cases of failing writes. */
export const full = <Place>(harness: Harness<Place>, diskOf: (place: Place) => Disk): ReadonlyArray<Case> => [
  over(harness)("fails a write to a full disk, keeps the record, and writes again when there is room", (store, place) =>
    Effect.gen(function* () {
      const disk = diskOf(place)
      yield* write(store, 0, "a")
      yield* disk.fill
      const error = yield* failure(write(store, 1, "b"))
      if (error === undefined) yield* violation("a write to a full disk succeeded, expected an error")
      yield* same("the record", yield* read(store), [1, "a"])
      yield* disk.free
      yield* same("a write when there is room", yield* write(store, 1, "c"), [2, "c"])
    })
  )
]
