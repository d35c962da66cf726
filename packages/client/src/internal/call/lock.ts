import * as Effect from "effect/Effect"
import { unsafeMonotonicNow } from "../time/clock.js"
import type { CallContext, Running } from "./context.js"
import { timerAt } from "./context.js"
import { failTimeout } from "./timeoutError.js"
import { Waiter, WaitQueue } from "./waitQueue.js"

/** A fiber that holds the lock or waits for it. Its lock expires at `until`, in milliseconds of the monotonic clock. */
class User extends Waiter {
  until = Number.POSITIVE_INFINITY
}

/** A mutual exclusion lock that expires. See `Mutex`. */
export class Lock {
  readonly #maxHoldMs: number
  readonly #queue = new WaitQueue<User>()
  #holder: User | undefined

  /** @param maxHoldMs - maximum time that a fiber may hold the lock, in milliseconds. */
  constructor(maxHoldMs: number) {
    this.#maxHoldMs = maxHoldMs
  }

  /** The number of fibers that hold the lock or wait for it. */
  get users(): number {
    return this.#queue.size + (this.#holder === undefined ? 0 : 1)
  }

  /** Runs an effect while it holds the lock. The wait for the lock ends at the deadline, and can be interrupted. */
  withLock<A, E, R>(effect: Effect.Effect<A, E, R>, context: CallContext): Effect.Effect<A, E, R> {
    const { fiber } = context
    return Effect.suspend(() => {
      const user = new User()
      return Effect.acquireUseRelease(
        Effect.sync(() => this.#join(user, unsafeMonotonicNow(fiber))),
        () =>
          Effect.zipRight(
            Effect.suspend(() =>
              this.#queue.awaitTurn(user, timerAt(context), failTimeout, context, (now) => this.#advance(now))
            ),
            effect
          ),
        () => Effect.sync(() => this.#leave(user, fiber))
      )
    })
  }

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
    this.#holder.until = now + this.#maxHoldMs
    this.#holder.admit()
  }
}
