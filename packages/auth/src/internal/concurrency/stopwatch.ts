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

  restart(): void {
    this.#wall = this.#clock.unsafeCurrentTimeMillis()
    this.#monotonic = this.#clock.unsafeCurrentTimeNanos()
  }

  get elapsed(): number {
    return Math.max(this.#clock.unsafeCurrentTimeMillis() - this.#wall, this.elapsedMonotonic)
  }

  get elapsedMonotonic(): number {
    return Number(this.#clock.unsafeCurrentTimeNanos() - this.#monotonic) / 1e6
  }
}
