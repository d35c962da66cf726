/**
 * One-time signals: one fiber completes the signal, any number of fibers wait for its result.
 *
 * An Effect `Deferred` resumes its waiting fibers itself. A signal does so only where `WaitStrategy` allows it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Running } from "./internal/call/context.js"
import { unsafeMonotonicNow } from "./internal/time/clock.js"
import { isPolling } from "./WaitStrategy.js"

/**
 * A one-time signal with a result of type `A` or an error of type `E`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signal<A, E = never> {
  /** The result. Undefined until the signal is completed. */
  readonly outcome: Exit.Exit<A, E> | undefined
  /** Completes the signal. Returns false, and changes nothing, if it has a result already. */
  readonly complete: (outcome: Exit.Exit<A, E>) => boolean
  /**
   * Waits for the result, by the `WaitStrategy` of the waiting fiber. The wait can be interrupted.
   *
   * @param onPoll - called at each poll of a polling fiber, with the monotonic time in milliseconds. It may complete the
   *   signal. A notified fiber never calls it.
   */
  readonly wait: (onPoll?: (now: number) => void) => Effect.Effect<A, E>
}

/** Milliseconds between two polls. */
const pollInterval = 20

class OneTime<A, E> implements Signal<A, E> {
  outcome: Exit.Exit<A, E> | undefined
  /** The waiting fibers, in the order in which they started to wait. */
  readonly #listeners = new Set<(outcome: Exit.Exit<A, E>) => void>()

  readonly complete = (outcome: Exit.Exit<A, E>): boolean => {
    if (this.outcome !== undefined) return false
    this.outcome = outcome
    for (const resume of this.#listeners) resume(outcome)
    this.#listeners.clear()
    return true
  }

  readonly wait = (onPoll?: (now: number) => void): Effect.Effect<A, E> =>
    Effect.withFiberRuntime((fiber) => {
      if (this.outcome !== undefined) return this.outcome
      return isPolling(fiber) ? this.#polled(fiber, onPoll) : this.#notified
    })

  readonly #notified: Effect.Effect<A, E> = Effect.async<A, E>((resume) => {
    if (this.outcome !== undefined) return resume(this.outcome)
    this.#listeners.add(resume)
    return Effect.sync(() => this.#listeners.delete(resume))
  })

  #polled(fiber: Running, onPoll?: (now: number) => void): Effect.Effect<A, E> {
    const look: Effect.Effect<A, E> = Effect.suspend(() => {
      onPoll?.(unsafeMonotonicNow(fiber))
      return this.outcome ?? Effect.zipRight(Effect.sleep(pollInterval), look)
    })
    return look
  }
}

/**
 * Makes a signal without a result.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E = never>(): Signal<A, E> => new OneTime<A, E>()
