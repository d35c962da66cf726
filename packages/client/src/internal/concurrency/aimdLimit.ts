import type { ExchangeResult, AdaptiveLimit } from "./service.js"

/** What {@link AimdLimit} is made of, ready for use. */
interface AimdOptions {
  readonly min: number
  readonly max: number
  readonly initial: number
  /** What is left of the limit after an overload, of 1. */
  readonly backoffRatio: number
  /** An exchange that takes longer is an overload, in milliseconds. */
  readonly slowMs: number
}

/**
 * Additive increase, multiplicative decrease: with each round of answers (as many as the limit is) it grows by one, and a
 * sign of overload takes a share of it. Those that were sent before that share was taken tell nothing new: one round
 * loses one share.
 */
export class AimdLimit implements AdaptiveLimit {
  readonly #options: AimdOptions
  #limit: number
  /** The last permit that was given before the limit was cut. */
  #lastDecreasePermit = 0

  constructor(options: AimdOptions) {
    this.#options = options
    this.#limit = options.initial
  }

  get limit(): number {
    return Math.floor(this.#limit)
  }

  onResult({ permitsIssued, ms, permitNumber, overloaded, inFlight }: ExchangeResult): void {
    const { backoffRatio, max, min, slowMs } = this.#options
    if (overloaded || ms > slowMs) {
      if (permitNumber <= this.#lastDecreasePermit) return
      this.#lastDecreasePermit = permitsIssued
      this.#limit = Math.max(min, this.#limit * backoffRatio)
      // Who does not use half of the limit has not shown that more would do.
    } else if (inFlight * 2 >= this.#limit) {
      this.#limit = Math.min(max, this.#limit + 1 / this.#limit)
    }
  }
}
