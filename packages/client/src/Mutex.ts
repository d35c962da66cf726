/**
 * Mutual exclusion among the fibers of one process, first come, first served.
 *
 * An Effect `Semaphore` resumes its waiting fibers itself, and a fiber that is lost keeps its permit for ever. A mutex waits
 * by {@link WaitStrategy}, and a lock expires.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { contextOf } from "./internal/call/context.js"
import { Lock } from "./internal/call/lock.js"

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
