import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** A wall clock that goes back by less was corrected, not set. In milliseconds. */
const toleranceMs = 1_000

/**
 * A wall clock that does not go back after it was set back, by the monotonic clock. Otherwise a token would be used after
 * its expiry, and a wait would become longer.
 */
export class WallClock {
  readonly #clock: Clock.Clock
  /** Both clocks at the last restart. */
  #wall = 0
  #monotonic = 0n
  /** The latest time of the wall clock. The monotonic clock is read only if the wall clock goes back. */
  #latest = 0
  #setBackMs = 0

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.restart()
  }

  /** Starts again with the time of the wall clock, and returns it, in epoch milliseconds. */
  restart(): number {
    this.#monotonic = this.#clock.unsafeCurrentTimeNanos()
    this.#wall = this.#latest = this.#clock.unsafeCurrentTimeMillis()
    this.#setBackMs = 0
    return this.#wall
  }

  /** The corrected time, if the wall clock shows `now`. */
  correct(now: number): number {
    if (now < this.#latest) {
      const elapsedMs = Number(this.#clock.unsafeCurrentTimeNanos() - this.#monotonic) / 1e6
      const ms = this.#wall + elapsedMs - this.#setBackMs - now
      if (ms >= toleranceMs) this.#setBackMs += ms
    }
    this.#latest = now
    return now + this.#setBackMs
  }

  /** The corrected time of the current fiber. */
  readonly now: Effect.Effect<number> = Effect.clockWith((clock) =>
    Effect.succeed(this.correct(clock.unsafeCurrentTimeMillis()))
  )
}
