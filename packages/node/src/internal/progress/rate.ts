/** The rate of a progress: a moving average of the last seconds. */

/** Time after which an old rate counts about a third, in milliseconds. */
const memoryMs = 3000

/** Measures a rate from samples of a clock in milliseconds. */
export class Rate {
  #at: number
  #done: number
  #rate: number | undefined

  constructor(now: number, done: number) {
    this.#at = now
    this.#done = done
  }

  /** Adds a sample, and returns the rate per second. Undefined without time between two samples. */
  sample(now: number, done: number): number | undefined {
    const elapsed = now - this.#at
    if (elapsed <= 0) return this.#rate
    const current = ((done - this.#done) / elapsed) * 1000
    const weight = 1 - Math.exp(-elapsed / memoryMs)
    this.#rate = Math.max(0, this.#rate === undefined ? current : this.#rate + (current - this.#rate) * weight)
    this.#at = now
    this.#done = done
    return this.#rate
  }
}
