import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Stopwatch } from "../concurrency/stopwatch.js"

/** A wall clock that goes back by less was corrected, not set. In milliseconds. */
const toleranceMs = 1_000

/** A wall clock that continues after it was set back. Otherwise a token would be used after its expiry. */
export class WallClock {
  readonly #stopwatch: Stopwatch
  /** The latest time of the wall clock. The monotonic clock is read only if the wall clock goes back. */
  #latest: number
  #setBackMs = 0

  constructor(clock: Clock.Clock) {
    this.#stopwatch = new Stopwatch(clock)
    this.#latest = clock.unsafeCurrentTimeMillis()
  }

  /** Starts again with the time of the wall clock, and returns it, in epoch milliseconds. */
  restart(): number {
    this.#setBackMs = 0
    this.#latest = this.#stopwatch.restart()
    return this.#latest
  }

  /** The corrected time, if the wall clock shows `now`. */
  correct(now: number): number {
    const lag = now < this.#latest ? this.#stopwatch.lagOf(now) : 0
    if (lag >= this.#setBackMs + toleranceMs) this.#setBackMs = lag
    this.#latest = now
    return now + this.#setBackMs
  }

  /** The corrected time of the current fiber. */
  readonly now: Effect.Effect<number> = Effect.clockWith((clock) =>
    Effect.succeed(this.correct(clock.unsafeCurrentTimeMillis()))
  )
}
