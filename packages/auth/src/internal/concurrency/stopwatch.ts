import type * as Clock from "effect/Clock"

/**
 * Elapsed time by two clocks, in milliseconds. The larger one counts: the monotonic clock stands still while a machine is
 * suspended, and the wall clock may be set back.
 */
export class Stopwatch {
  readonly #clock: Clock.Clock
  #wall = 0
  #monotonic = 0n

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.restart()
  }

  /** Starts again, and returns the time of the wall clock. */
  restart(): number {
    this.#wall = this.#clock.unsafeCurrentTimeMillis()
    this.#monotonic = this.#clock.unsafeCurrentTimeNanos()
    return this.#wall
  }

  get elapsed(): number {
    return Math.max(this.#clock.unsafeCurrentTimeMillis() - this.#wall, this.elapsedMonotonic)
  }

  /** By how much the wall clock, which shows `now`, is behind the monotonic clock. */
  lagOf(now: number): number {
    return this.#wall + this.elapsedMonotonic - now
  }

  get elapsedMonotonic(): number {
    return Number(this.#clock.unsafeCurrentTimeNanos() - this.#monotonic) / 1e6
  }
}
