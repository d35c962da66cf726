import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * The clock of a process that stops at times, over the clock of the test. A stop is one of the process, or one of its
 * machine: then its monotonic clock stands still too. The wall clock can be set.
 */
export class StoppableClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())
  /** The offset of the wall clock, in milliseconds. */
  wallOffset = 0
  readonly #base: Clock.Clock
  #stoppedUntil = 0
  #suspendedMs = 0

  constructor(base: Clock.Clock) {
    this.#base = base
  }

  /** Stops the process for this time. A suspension stops its monotonic clock too. */
  stop(ms: number, isSuspension: boolean): void {
    if (!this.isRunning) return
    this.#stoppedUntil = this.#base.unsafeCurrentTimeMillis() + ms
    if (isSuspension) this.#suspendedMs += ms
  }

  get isRunning(): boolean {
    return this.#base.unsafeCurrentTimeMillis() >= this.#stoppedUntil
  }

  /** Waits until the process runs. */
  readonly running: Effect.Effect<void> = Effect.suspend(() => {
    const left = this.#stoppedUntil - this.#base.unsafeCurrentTimeMillis()
    return left <= 0 ? Effect.void : Effect.zipRight(this.#base.sleep(Duration.millis(left)), this.running)
  })

  unsafeCurrentTimeMillis(): number {
    return this.#base.unsafeCurrentTimeMillis() + this.wallOffset
  }

  unsafeCurrentTimeNanos(): bigint {
    return this.#base.unsafeCurrentTimeNanos() - BigInt(Math.round(this.#suspendedMs * 1e6))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.zipRight(this.#base.sleep(duration), this.running)
  }
}
