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
import type { Running } from "./internal/call/context.js"
import { admit, Waiter, WaitQueue } from "./internal/call/waitQueue.js"
import { unsafeMonotonicNow } from "./internal/time/clock.js"

/**
 * A mutual exclusion lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mutex {
  /** Runs an effect while it holds the lock. The wait for the lock can be interrupted. */
  readonly withLock: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The number of fibers that hold the lock or wait for it. */
  readonly users: () => number
}

/** A fiber that holds the lock or waits for it. Its lock expires at `until`, in milliseconds of the monotonic clock. */
class User extends Waiter {
  until = Number.POSITIVE_INFINITY
}

class Lock implements Mutex {
  readonly #longest: number
  readonly #queue = new WaitQueue<User>()
  #holder: User | undefined

  constructor(longest: number) {
    this.#longest = longest
  }

  readonly users = (): number => this.#queue.size + (this.#holder === undefined ? 0 : 1)

  readonly withLock = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime((fiber) => {
      const user = new User()
      return Effect.acquireUseRelease(
        Effect.sync(() => this.#join(user, unsafeMonotonicNow(fiber))),
        () =>
          Effect.zipRight(
            this.#queue.awaitTurn(user, (now) => this.#advance(now)),
            effect
          ),
        () => Effect.sync(() => this.#leave(user, fiber))
      )
    })

  #join(user: User, now: number): void {
    this.#queue.enqueue(user)
    this.#advance(now)
  }

  #leave(user: User, fiber: Running): void {
    this.#queue.remove(user)
    if (this.#holder === user) this.#holder = undefined
    this.#advance(unsafeMonotonicNow(fiber))
  }

  /** Gives the lock to the first waiter if the lock is free or has expired. */
  #advance(now: number): void {
    if (this.#holder !== undefined && now < this.#holder.until) return
    this.#holder = this.#queue.shift(now)
    if (this.#holder === undefined) return
    this.#holder.until = now + this.#longest
    admit(this.#holder)
  }
}

/**
 * Makes a mutex.
 *
 * @param longest - maximum time that a fiber may hold the lock (2 minutes). After that the fiber counts as lost and the next
 *   fiber gets the lock. The effect of the lost fiber is not interrupted.
 * @since 0.1.0
 * @category constructors
 */
export const make = (longest: Duration.DurationInput = "2 minutes"): Mutex => new Lock(Duration.toMillis(longest))
