import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CallContext } from "./context.js"
import { waitUntil } from "./wait.js"

/** A fiber in a queue. */
export class Waiter {
  #isAdmitted = false
  /** Resumes the fiber. Undefined for a fiber that polls. */
  #resume: (() => void) | undefined
  /**
   * Time of the last poll, in milliseconds of the monotonic clock. Undefined for a fiber that is notified instead of
   * polling.
   */
  polledAt: number | undefined

  get isAdmitted(): boolean {
    return this.#isAdmitted
  }

  /** Ends the wait of the fiber. */
  admit(): void {
    this.#isAdmitted = true
    this.#resume?.()
  }

  /** Sets the function that resumes the fiber. It is called at once if the fiber is admitted already. */
  onAdmitted(resume: () => void): void {
    if (this.#isAdmitted) resume()
    else this.#resume = resume
  }
}

/** A polling waiter polls every 20 ms. If it has not polled for this time, in milliseconds, its fiber is lost. */
const lostAfterMs = 1000

/** Whether a waiter has stopped polling. */
export const isLost = ({ polledAt }: Pick<Waiter, "polledAt">, now: number): boolean =>
  polledAt !== undefined && now - polledAt > lostAfterMs

/** Fibers that wait in order of arrival. Times are milliseconds of the monotonic clock. */
export class WaitQueue<W extends Waiter> {
  readonly #waiters = new Set<W>()

  get size(): number {
    return this.#waiters.size
  }

  enqueue(waiter: W): void {
    this.#waiters.add(waiter)
  }

  remove(waiter: W): void {
    this.#waiters.delete(waiter)
  }

  /**
   * Waits until the waiter is admitted, or until `at`, in milliseconds of the monotonic clock. A waiter that was removed as
   * lost is added again when it polls, because the process may have computed for longer than the allowed time between two
   * polls.
   *
   * @param advance - called at each poll. It admits waiters if there is room.
   */
  awaitTurn<E>(
    waiter: W,
    at: number,
    onTimeout: (context: CallContext) => Effect.Effect<void, E>,
    context: CallContext,
    advance: (now: number) => void
  ): Effect.Effect<void, E> {
    return waitUntil<void, never, never, E>(
      {
        start: (resume) => {
          waiter.onAdmitted(() => resume(Exit.void))
          return undefined
        },
        poll: (now) => {
          waiter.polledAt = now
          if (!waiter.isAdmitted) this.enqueue(waiter)
          advance(now)
          return waiter.isAdmitted ? Exit.void : undefined
        }
      },
      at,
      onTimeout,
      context
    )
  }

  /** Removes and returns the first waiter. Waiters that have stopped polling are skipped and removed. */
  shift(now: number): W | undefined {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter)
      if (!isLost(waiter, now)) return waiter
    }
    return undefined
  }
}
