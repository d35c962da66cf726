/** How failures are counted until they are too many. They know no clock: who tells them brings one. */
import type { FailureCounter } from "./service.js"

/** Failures with no answer in between. */
export class ConsecutiveFailures implements FailureCounter {
  readonly #limit: number
  #failures = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  record(failed: boolean): boolean {
    this.#failures = failed ? this.#failures + 1 : 0
    return failed && this.#failures >= this.#limit
  }
}

/** The share of failures among the exchanges of a rolling window, which moves on bucket by bucket. */
export class RollingFailureRate implements FailureCounter {
  readonly #ratio: number
  readonly #minimum: number
  /** The length of a bucket, in milliseconds. */
  readonly #width: number
  readonly #all: Array<number>
  readonly #failed: Array<number>
  /** Which bucket is the newest, counted from the zero of the clock. */
  #newest = 0
  #allSum = 0
  #failedSum = 0

  constructor(ratio: number, minimum: number, windowMs: number, buckets: number) {
    this.#ratio = ratio
    this.#minimum = minimum
    this.#width = Math.max(1, windowMs / buckets)
    this.#all = new Array<number>(buckets).fill(0)
    this.#failed = new Array<number>(buckets).fill(0)
  }

  record(failed: boolean, now: () => number): boolean {
    this.#advanceTo(Math.floor(now() / this.#width))
    const at = this.#newest % this.#all.length
    this.#all[at] = (this.#all[at] ?? 0) + 1
    this.#allSum++
    if (!failed) return false
    this.#failed[at] = (this.#failed[at] ?? 0) + 1
    this.#failedSum++
    return this.#allSum >= this.#minimum && this.#failedSum / this.#allSum >= this.#ratio
  }

  #advanceTo(bucket: number): void {
    const buckets = this.#all.length
    const passed = bucket - this.#newest
    // A clock that was set back by a little counts into the newest; by more, and there is nothing to be kept.
    if (passed <= 0 && passed > -buckets) return
    for (let n = Math.max(1, passed - buckets + 1); n <= passed; n++) this.#clear((this.#newest + n) % buckets)
    if (passed < 0) for (let n = 0; n < buckets; n++) this.#clear(n)
    this.#newest = bucket
  }

  #clear(at: number): void {
    this.#allSum -= this.#all[at] ?? 0
    this.#failedSum -= this.#failed[at] ?? 0
    this.#all[at] = 0
    this.#failed[at] = 0
  }
}

/** Several tallies, each of which hears of everything. */
export class AnyOf implements FailureCounter {
  readonly #counters: ReadonlyArray<FailureCounter>

  constructor(counters: ReadonlyArray<FailureCounter>) {
    this.#counters = counters
  }

  record(failed: boolean, now: () => number): boolean {
    let tripped = false
    for (const counter of this.#counters) tripped = counter.record(failed, now) || tripped
    return tripped
  }
}
