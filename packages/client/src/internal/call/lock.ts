import * as Effect from "effect/Effect"
import { unsafeMonotonicNow } from "../time/clock.js"
import type { CallContext, Running } from "./context.js"
import { failTimeout, timerAt } from "./context.js"
import { Waiter, WaitQueue } from "./waitQueue.js"

/** A fiber that holds the lock or waits for it. Its lock expires at `until`, in milliseconds of the monotonic clock. */
class User extends Waiter {
  until = Number.POSITIVE_INFINITY
}

/** A mutual exclusion lock that expires. See `Mutex`. */
export class Lock {
  /** The number of fibers that use the lock through {@link KeyedLocks}. */
  references = 0
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
    return this.withLockUntil(Number.POSITIVE_INFINITY, () => effect, context)
  }

  /**
   * Like {@link withLock}, but the wait ends at `at` too, in milliseconds of the monotonic clock. `use` runs in either case,
   * and gets whether the fiber holds the lock.
   */
  withLockUntil<A, E, R>(
    at: number,
    use: (acquired: boolean) => Effect.Effect<A, E, R>,
    context: CallContext
  ): Effect.Effect<A, E, R> {
    const { fiber } = context
    const deadline = timerAt(context)
    return Effect.suspend(() => {
      const user = new User()
      const giveUp = () => Effect.sync(() => this.#queue.remove(user))
      return Effect.acquireUseRelease(
        Effect.sync(() => this.#join(user, unsafeMonotonicNow(fiber))),
        () =>
          Effect.zipRight(
            Effect.suspend(() =>
              this.#queue.awaitTurn(
                user,
                Math.min(at, deadline),
                at < deadline ? giveUp : failTimeout,
                context,
                (now) => this.#advance(now)
              )
            ),
            Effect.suspend(() => use(user.isAdmitted))
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

/** Locks by key, each with the queue of its waiters. A lock without users takes no memory. */
export class KeyedLocks<L extends Lock> {
  readonly #locks = new Map<string, L>()
  readonly #make: () => L

  constructor(make: () => L) {
    this.#make = make
  }

  /** The lock of a key that has users. */
  get(key: string): L | undefined {
    return this.#locks.get(key)
  }

  /** Runs an effect of the lock of a key. */
  use<A, E, R>(key: string, use: (lock: L) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        const lock = this.#locks.get(key) ?? this.#make()
        this.#locks.set(key, lock)
        lock.references += 1
        return lock
      }),
      use,
      (lock) =>
        Effect.sync(() => {
          lock.references -= 1
          if (lock.references === 0) this.#locks.delete(key)
        })
    )
  }
}
