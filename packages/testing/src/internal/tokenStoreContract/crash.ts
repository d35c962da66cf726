import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/auth/Errors"
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
 * Program of the process that a harness's `kill` starts: it writes versions under the lock, one after the other, until the
 * process is killed.
 *
 * @param store - opened at the place that `kill` received.
 * @since 0.1.0
 * @category harnesses
 */
export const crashingWriter = (store: TokenStore.Service): Effect.Effect<never, TokenStoreError> =>
  Effect.forever(
    store.withLock("key")(Effect.flatMap(read(store), (found) => write(store, found?.[0] ?? 0, next(found)[1])))
  )

/** Maximum time until the lock of a killed process is free. */
const patience = Duration.seconds(3)

/** Cases where a process is killed while it writes. */
export const crash = <Place>(
  harness: Harness<Place>,
  kill: (place: Place) => Effect.Effect<void, unknown, Scope.Scope>
): ReadonlyArray<Case> => [
  over(harness)("keeps a whole record and frees its lock when a writing process is killed", (store, place) =>
    Effect.gen(function* () {
      let last: Summary
      for (let round = 0; round < 3; round++) {
        yield* kill(place)
        const [took, found] = yield* Effect.timed(store.withLock("key")(read(store)))
        if (Duration.greaterThan(took, patience))
          yield* violation(`the lock was free only after ${Duration.format(took)}`)
        if (found === undefined || found[0] <= (last?.[0] ?? 0)) {
          return yield* violation(
            "no new record after the kill: `kill` killed the process before its first write, or the store lost a record"
          )
        }
        yield* same("the record", found, [found[0], `v${found[0]}`])
        yield* same("the next write", yield* write(store, found[0], next(found)[1]), next(found))
        last = next(found)
      }
    })
  )
]
