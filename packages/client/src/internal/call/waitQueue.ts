import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Signal from "../../Signal.js"

/** A fiber in a queue. */
export class Waiter {
  readonly turn: Signal.Signal<void> = Signal.make()
  /** When it last polled, in milliseconds of the monotonic clock. Undefined for a fiber that is notified. */
  polledAt: number | undefined
}

/** A waiter that polls does so every 20 ms. After this time without a poll, in milliseconds, its request is over. */
const lostAfterMs = 1000

/** Whether a waiter has stopped polling. */
export const isLost = ({ polledAt }: Pick<Waiter, "polledAt">, now: number): boolean =>
  polledAt !== undefined && now - polledAt > lostAfterMs

/** Fibers that wait for their turn, first come, first served. Times are milliseconds of the monotonic clock. */
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
   * Waits for a turn. A waiter that was removed as lost, and polls after all, joins again: the process may have computed for
   * longer than a waiter may be silent.
   *
   * @param advance - called at each look of a polling fiber: it gives turns to waiters if there is room.
   */
  awaitTurn(waiter: W, advance: (now: number) => void): Effect.Effect<void> {
    return waiter.turn.wait((now) => {
      waiter.polledAt = now
      if (waiter.turn.outcome === undefined) this.enqueue(waiter)
      advance(now)
    })
  }

  /** Removes the first waiter and returns it. Waiters that have stopped polling are removed without a turn. */
  shift(now: number): W | undefined {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter)
      if (!isLost(waiter, now)) return waiter
    }
    return undefined
  }
}

/** Gives a waiter its turn. */
export const admit = (waiter: Waiter): void => {
  waiter.turn.complete(Exit.void)
}
