import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/auth/Errors"
import { same, violation } from "./contractViolation.js"
import { over, read, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"

/** Enters the lock many times concurrently. Returns how many are inside at the end and were at most. */
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

/** Holds the lock until it is interrupted. Returns the fiber once it holds the lock. */
const holding = (store: TokenStore.Service) =>
  Effect.gen(function* () {
    const entered = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(
      store.withLock("key")(Effect.zipRight(Deferred.succeed(entered, undefined), Effect.never))
    )
    yield* Deferred.await(entered)
    return fiber
  })

/** Cases of the lock. */
export const exclusion = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => {
  const test = over(harness)
  return [
    test("declares a lock scope that the harness can verify", ({ lockScope }) =>
      Effect.gen(function* () {
        yield* same("whether the lock scope is valid", ["process", "host", "cluster"].includes(lockScope), true)
        if (lockScope === "process" || harness.isShared === true) return
        yield* violation(
          `lockScope "${lockScope}" covers other processes, but the harness cannot open a second store. Set isShared`
        )
      })),
    test("admits one at a time into the lock", (store) =>
      Effect.flatMap(crowd([store, store]), (found) =>
        same("the number inside the lock, now and at most", found, [0, 1])
      )),
    test("admits users of two keys at once", (store) =>
      Effect.flatMap(store.withLock("key")(store.withLock("other")(Effect.succeed("both"))), (found) =>
        same("the result", found, "both")
      )),
    test("allows reads and writes inside and outside of a held lock", (store) =>
      Effect.gen(function* () {
        yield* same("a write inside the lock", yield* store.withLock("key")(write(store, 0, "a")), [1, "a"])
        const holder = yield* holding(store)
        yield* same("a write outside of the lock", yield* write(store, 1, "b"), [2, "b"])
        yield* same("a read outside of the lock", yield* read(store), [2, "b"])
        yield* Fiber.interrupt(holder)
      })),
    test("frees the lock after a failure and a defect, and passes them on", (store) =>
      Effect.gen(function* () {
        const alone = store.withLock("key")
        yield* same("the failure", yield* Effect.flip(alone(Effect.fail("as scripted"))), "as scripted")
        const died = yield* Effect.exit(alone(Effect.die("a bug")))
        yield* same("whether it died", Exit.isFailure(died) && died.cause._tag, "Die")
        yield* same("the result of the next user", yield* alone(Effect.succeed("free")), "free")
      })),
    test("frees the lock after an interruption of a waiting and of a holding user", (store) =>
      Effect.gen(function* () {
        const alone = store.withLock("key")
        const holder = yield* holding(store)
        const waiting = yield* Effect.fork(alone(Effect.void))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(waiting)
        yield* Fiber.interrupt(holder)
        yield* same("the result of the next user", yield* alone(Effect.succeed("free")), "free")
      }))
  ]
}
