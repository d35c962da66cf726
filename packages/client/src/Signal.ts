/**
 * One-time signals: one fiber completes the signal, any number of fibers wait for its result.
 *
 * An Effect `Deferred` resumes its waiting fibers itself. A signal does so only where `WaitStrategy` allows it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { contextOf } from "./internal/call/context.js"
import { waitFor } from "./internal/call/wait.js"

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
   * Waits for the result, by the `WaitStrategy` of the waiting fiber. The wait can be interrupted. Inside of a call it ends at
   * the deadline, with the `Timeout` of the call.
   *
   * @param onPoll - called at each poll of a polling fiber, with the monotonic time in milliseconds. It may complete the
   *   signal. A notified fiber never calls it.
   */
  readonly wait: (onPoll?: (now: number) => void) => Effect.Effect<A, E>
}

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

  readonly wait = (onPoll?: (now: number) => void): Effect.Effect<A, E> => {
    const source = {
      start: this.#listen,
      poll: (now: number): Exit.Exit<A, E> | undefined => {
        onPoll?.(now)
        return this.outcome
      }
    }
    return Effect.withFiberRuntime((fiber) => this.outcome ?? waitFor(source, contextOf(fiber)))
  }

  readonly #listen = (resume: (outcome: Exit.Exit<A, E>) => void): (() => void) => {
    // The fiber may have yielded since it read the outcome.
    if (this.outcome === undefined) this.#listeners.add(resume)
    else resume(this.outcome)
    return () => this.#listeners.delete(resume)
  }
}

/**
 * Makes a signal without a result.
 *
 * @example
 * import * as Signal from "@countersign/client/Signal"
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 *
 * const signal = Signal.make<string>()
 * const waiting = signal.wait()
 * const done = Effect.sync(() => signal.complete(Exit.succeed("ready")))
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E = never>(): Signal<A, E> => new OneTime<A, E>()
