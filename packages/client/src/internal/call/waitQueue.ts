import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Signal from "../../Signal.js"

/** A fiber in a queue. */
export class Waiter {
  readonly turn: Signal.Signal<void> = Signal.make()
  /**
   * Time of the last poll, in milliseconds of the monotonic clock. Undefined for a fiber that is notified instead of
   * polling.
   */
  polledAt: number | undefined
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
   * Waits until the waiter is admitted. A waiter that was removed as lost is added again when it polls, because the
   * process may have computed for longer than the allowed time between two polls.
   *
   * @param advance - called at each poll. It admits waiters if there is room.
   */
  awaitTurn(waiter: W, advance: (now: number) => void): Effect.Effect<void> {
    return waiter.turn.wait((now) => {
      waiter.polledAt = now
      if (waiter.turn.outcome === undefined) this.enqueue(waiter)
      advance(now)
    })
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

/** Admits a waiter. */
export const admit = (waiter: Waiter): void => {
  waiter.turn.complete(Exit.void)
}
