/**
 * Mutual exclusion among the fibers of one process, first come, first served.
 *
 * An Effect `Semaphore` resumes its waiting fibers itself, and a fiber that is lost keeps its permit for ever. A mutex waits
 * by `WaitStrategy`, and a lock expires.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { contextOf } from "./internal/call/context.js"
import { KeyedLocks, Lock } from "./internal/call/lock.js"
import { unsafeMonotonicNow } from "./internal/time/clock.js"

/**
 * A mutual exclusion lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mutex {
  /** Runs an effect while it holds the lock. The wait for the lock can be interrupted, and ends at the call deadline. */
  readonly withLock: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The number of fibers that hold the lock or wait for it. */
  readonly users: () => number
}

/**
 * Makes a mutex.
 *
 * @param longest - maximum time that a fiber may hold the lock (2 minutes). After that the fiber counts as lost and the next
 *   fiber gets the lock. The effect of the lost fiber is not interrupted.
 * @since 0.1.0
 * @category constructors
 */
export const make = (longest: Duration.DurationInput = "2 minutes"): Mutex => {
  const lock = new Lock(Duration.toMillis(longest))
  return {
    withLock: (effect) => Effect.withFiberRuntime((fiber) => lock.withLock(effect, contextOf(fiber))),
    users: () => lock.users
  }
}

/**
 * Mutual exclusion locks by key. A key without users takes no memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyedMutex {
  /** Runs an effect while it holds the lock of a key, as {@link Mutex.withLock} does. */
  readonly withLock: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /**
   * Waits for the lock of a key for at most `timeout`. `use` runs in either case, and gets whether the fiber holds the lock.
   * The timeout also ends the wait of an uninterruptible fiber.
   */
  readonly withLockWithin: (
    key: string,
    timeout: Duration.Duration
  ) => <A, E, R>(use: (acquired: boolean) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * Makes a mutex for each key.
 *
 * @example
 * import * as Mutex from "@countersign/client/Mutex"
 * import * as Effect from "effect/Effect"
 *
 * const mutex = Mutex.makeKeyed()
 * const program = mutex.withLock("account-1")(Effect.log("one at a time"))
 *
 * @param longest - maximum time that a fiber may hold a lock (2 minutes), see {@link make}.
 * @since 0.1.0
 * @category constructors
 */
export const makeKeyed = (longest: Duration.DurationInput = "2 minutes"): KeyedMutex => {
  const locks = new KeyedLocks(() => new Lock(Duration.toMillis(longest)))
  const withLockUntil =
    (key: string, ms: number): ReturnType<KeyedMutex["withLockWithin"]> =>
    (use) =>
      Effect.withFiberRuntime((fiber) => {
        const at = unsafeMonotonicNow(fiber) + ms
        return locks.use(key, (lock) => lock.withLockUntil(at, use, contextOf(fiber)))
      })
  return {
    withLock: (key) => (effect) => withLockUntil(key, Number.POSITIVE_INFINITY)(() => effect),
    withLockWithin: (key, timeout) => withLockUntil(key, Duration.toMillis(timeout))
  }
}
