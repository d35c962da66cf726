import * as TokenStore from "@countersign/auth/TokenStore"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Schedule from "effect/Schedule"
import { same, violation } from "./contractViolation.js"
import { over, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"

/** How long the lease may say that a lost lock is held: until its next renewal. */
const patience = "15 seconds"

/** Succeeds once the lease says that the lock is lost. */
const lossNoticed = (isHeld: Effect.Effect<boolean>) =>
  Effect.repeat(isHeld, { until: (held) => !held, schedule: Schedule.spaced("20 millis") }).pipe(
    Effect.timeoutFail({
      duration: patience,
      onTimeout: () => violation(`Lease.isHeld is true ${patience} after another store took the lock`)
    })
  )

/** Cases of locks that a store loses while it holds them. */
export const lostLock = <Place>(
  harness: Harness<Place>,
  loseLocks: (place: Place) => Effect.Effect<unknown, unknown, Scope.Scope>
): ReadonlyArray<Case> => [
  over(harness)("reports a lost lock by Lease.isHeld, and does not interrupt its holder", (store, place) =>
    Effect.gen(function* () {
      const other = yield* harness.open(place)
      const taken = yield* Deferred.make<void>()
      const entered = yield* Deferred.make<void>()
      const holder = Effect.gen(function* () {
        const { isHeld } = yield* TokenStore.Lease
        yield* same("whether the lock is held at first", yield* isHeld, true)
        yield* Deferred.succeed(entered, undefined)
        yield* Deferred.await(taken)
        yield* lossNoticed(isHeld)
        // A store that ends its holder needs a moment for that.
        yield* Effect.sleep("50 millis")
        yield* same("whether a lost lock is held again", yield* isHeld, false)
        return yield* write(store, 0, "a")
      })
      const holding = yield* Effect.fork(store.withLock("key")(holder))
      yield* Effect.raceFirst(Deferred.await(entered), Fiber.join(holding))
      yield* loseLocks(place)
      const next = Effect.gen(function* () {
        const { isHeld } = yield* TokenStore.Lease
        yield* Deferred.succeed(taken, undefined)
        const written = yield* Fiber.join(holding)
        return [yield* isHeld, written]
      })
      const found = yield* other.withLock("key")(next)
      yield* same("whether the other store holds the lock, and what the first one wrote", found, [true, [1, "a"]])
    })
  )
]
