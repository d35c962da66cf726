/** A clock that stands still until it is moved. No wait ends: in this case waits are bounds only. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export class ModelClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  /** Milliseconds that passed. */
  #passed = 0
  /** Difference of the wall clock, which can be set. */
  #offset = Date.UTC(2030, 0, 1)

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.#offset + this.#passed
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(this.#passed) * 1_000_000n
  }

  sleep(): Effect.Effect<void> {
    return Effect.never
  }

  get passed(): number {
    return this.#passed
  }

  pass(ms: number): void {
    this.#passed += ms
  }

  set(ms: number): void {
    this.#offset += ms
  }
}
