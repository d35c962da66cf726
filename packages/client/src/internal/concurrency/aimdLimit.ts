import type { ExchangeResult, AdaptiveLimit } from "./service.js"

/** Resolved options of {@link AimdLimit}. */
interface AimdOptions {
  readonly min: number
  readonly max: number
  readonly initial: number
  /** Factor applied to the limit after an overload, between 0 and 1. */
  readonly backoffRatio: number
  /** A request that takes longer than this counts as an overload, in milliseconds. */
  readonly slowMs: number
}

/**
 * Additive increase, multiplicative decrease (AIMD). The limit grows by one per round of responses, where a round is as
 * many responses as the limit. A sign of overload multiplies the limit by `backoffRatio`. Requests sent before that
 * decrease cannot decrease it again, so one round causes one decrease.
 */
export class AimdLimit implements AdaptiveLimit {
  readonly #options: AimdOptions
  #limit: number
  /** Number of the last permit issued before the last decrease. */
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
      // A client that uses less than half of the limit gives no evidence for a higher limit.
    } else if (inFlight * 2 >= this.#limit) {
      this.#limit = Math.min(max, this.#limit + 1 / this.#limit)
    }
  }
}
