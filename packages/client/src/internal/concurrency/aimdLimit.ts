import type { ExchangeResult, AdaptiveLimit } from "./service.js"

/** What {@link Aimd} is made of, ready for use. */
interface Bounds {
  readonly min: number
  readonly max: number
  readonly initial: number
  /** What is left of the limit after an overload, of 1. */
  readonly backoff: number
  /** An exchange that takes longer is an overload, in milliseconds. */
  readonly slow: number
}

/**
 * Additive increase, multiplicative decrease: with each round of answers (as many as the limit is) it grows by one, and a
 * sign of overload takes a share of it. Those that were sent before that share was taken tell nothing new: one round
 * loses one share.
 */
export class Aimd implements AdaptiveLimit {
  readonly #bounds: Bounds
  #limit: number
  /** The last permit that was given before the limit was cut. */
  #cutAfter = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
    this.#limit = bounds.initial
  }

  get limit(): number {
    return Math.floor(this.#limit)
  }

  onResult({ permitsIssued, ms, permitNumber, overloaded, inFlight }: ExchangeResult): void {
    const { backoff, max, min, slow } = this.#bounds
    if (overloaded || ms > slow) {
      if (permitNumber <= this.#cutAfter) return
      this.#cutAfter = permitsIssued
      this.#limit = Math.max(min, this.#limit * backoff)
      // Who does not use half of the limit has not shown that more would do.
    } else if (inFlight * 2 >= this.#limit) {
      this.#limit = Math.min(max, this.#limit + 1 / this.#limit)
    }
  }
}
