import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/client/Errors"
import { same, violation } from "./contractViolation.js"
import { over, read, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"

/** Visits what is exclusive many times at once, and gives how many were inside at most, and are still. */
export const crowd = (
  stores: ReadonlyArray<TokenStore.Service>
): Effect.Effect<ReadonlyArray<number>, TokenStoreError> =>
  Effect.gen(function* () {
    let inside = 0
    let most = 0
    const visit = Effect.acquireUseRelease(
      Effect.sync(() => (most = Math.max(most, ++inside))),
      () => Effect.repeatN(Effect.yieldNow(), 5),
      () => Effect.sync(() => inside--)
    )
    const visits = Array.from({ length: 5 }, () => stores)
      .flat()
      .map((store) => store.withLock("key")(visit))
    yield* Effect.all(visits, { concurrency: "unbounded" })
    return [inside, most]
  })

/** Holds what is exclusive until it is interrupted; gives the fiber once it is inside. */
const holding = (store: TokenStore.Service) =>
  Effect.gen(function* () {
    const entered = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(
      store.withLock("key")(Effect.zipRight(Deferred.succeed(entered, undefined), Effect.never))
    )
    yield* Deferred.await(entered)
    return fiber
  })

/** One at a time, whatever becomes of them. */
export const exclusion = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => {
  const test = over(harness)
  return [
    test("says how far its exclusion reaches, and no further than can be seen", ({ lockScope }) =>
      Effect.gen(function* () {
        yield* same("whether it is a reach", ["process", "host", "cluster"].includes(lockScope), true)
        if (lockScope === "process" || harness.isShared === true) return
        yield* violation(
          `a reach of "${lockScope}" is a promise to other processes: say isShared, so that it can be seen`
        )
      })),
    test("lets one at a time into what is exclusive", (store) =>
      Effect.flatMap(crowd([store, store]), (found) => same("those inside, now and at most", found, [0, 1]))),
    test("lets the users of two keys in at once", (store) =>
      Effect.flatMap(store.withLock("key")(store.withLock("other")(Effect.succeed("both"))), (found) =>
        same("what is given back", found, "both")
      )),
    test("can be read and written within what is exclusive, and beside it", (store) =>
      Effect.gen(function* () {
        yield* same("a write within", yield* store.withLock("key")(write(store, 0, "a")), [1, "a"])
        const holder = yield* holding(store)
        yield* same("a write beside it", yield* write(store, 1, "b"), [2, "b"])
        yield* same("a read beside it", yield* read(store), [2, "b"])
        yield* Fiber.interrupt(holder)
      })),
    test("is free again after a failure and a defect within what is exclusive, which come out as they are", (store) =>
      Effect.gen(function* () {
        const alone = store.withLock("key")
        yield* same("the failure", yield* Effect.flip(alone(Effect.fail("as scripted"))), "as scripted")
        const died = yield* Effect.exit(alone(Effect.die("a bug")))
        yield* same("whether it died", Exit.isFailure(died) && died.cause._tag, "Die")
        yield* same("what comes after", yield* alone(Effect.succeed("free")), "free")
      })),
    test("is free again after an interruption, of one who waits and of one who is inside", (store) =>
      Effect.gen(function* () {
        const alone = store.withLock("key")
        const holder = yield* holding(store)
        const waiting = yield* Effect.fork(alone(Effect.void))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(waiting)
        yield* Fiber.interrupt(holder)
        yield* same("what comes after", yield* alone(Effect.succeed("free")), "free")
      }))
  ]
}
