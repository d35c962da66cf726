/** Counters that decide when a circuit opens. They have no clock: callers pass the time. */
import type { FailureCounter } from "./service.js"

/** Opens after a number of failures in a row. */
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

/** Opens at a share of failed requests in a rolling window, which moves bucket by bucket. */
export class RollingFailureRate implements FailureCounter {
  readonly #ratio: number
  readonly #minimum: number
  /** Length of a bucket, in milliseconds. */
  readonly #width: number
  readonly #all: Array<number>
  readonly #failed: Array<number>
  /** Number of the newest bucket, counted from the zero of the clock. */
  #newest = 0
  #allSum = 0
  #failedSum = 0

  constructor(ratio: number, minimum: number, windowMs: number, buckets: number) {
    this.#ratio = ratio
    this.#minimum = minimum
    // A bucket has at least a millisecond, so more buckets would make the window longer.
    const count = Math.min(buckets, Math.max(1, Math.floor(windowMs)))
    this.#width = Math.max(1, windowMs / count)
    this.#all = new Array<number>(count).fill(0)
    this.#failed = new Array<number>(count).fill(0)
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
    // A clock set back by less than the window counts into the newest bucket. If it was set back further, all buckets
    // are cleared.
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

/** Opens when any of several counters does. Each counter records every result. */
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
