import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/client/Errors"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { same, violation } from "./contractViolation.js"
import type { Summary } from "./fixtures.js"
import { over, read, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"

const next = (found: Summary): readonly [version: number, name: string] => [
  (found?.[0] ?? 0) + 1,
  `v${(found?.[0] ?? 0) + 1}`
]

/**
 * What the process does that a harness's `kill` starts: it writes one version after the other, each within what is
 * exclusive, until it is killed.
 *
 * @param store - opened at the place that `kill` was given.
 * @since 0.1.0
 * @category harnesses
 */
export const crashingWriter = (store: TokenStore.Service): Effect.Effect<never, TokenStoreError> =>
  Effect.forever(
    store.withLock("key")(Effect.flatMap(read(store), (found) => write(store, found?.[0] ?? 0, next(found)[1])))
  )

/** Most time that passes until what a dead process held is free. */
const patience = Duration.seconds(3)

/** A process that is killed at whatever it does. */
export const crash = <Place>(
  harness: Harness<Place>,
  kill: (place: Place) => Effect.Effect<void, unknown, Scope.Scope>
): ReadonlyArray<Case> => [
  over(harness)(
    "keeps a whole record when a process is killed that writes it, and is free again at once",
    (store, place) =>
      Effect.gen(function* () {
        let last: Summary
        for (let round = 0; round < 3; round++) {
          yield* kill(place)
          const [took, found] = yield* Effect.timed(store.withLock("key")(read(store)))
          if (Duration.greaterThan(took, patience)) yield* violation(`it was free after ${Duration.format(took)}`)
          if (found === undefined || found[0] <= (last?.[0] ?? 0)) {
            return yield* violation(
              "no record was written, or it is gone: the process was killed too early, or one is lost"
            )
          }
          yield* same("the record", found, [found[0], `v${found[0]}`])
          yield* same("the next write", yield* write(store, found[0], next(found)[1]), next(found))
          last = next(found)
        }
      })
  )
]
