import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"

/** A clock and a scheduler without timers: fibers run, and time passes, only in {@link advance}. Much faster than `TestClock`. */
export class SimulatedTime implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())
  readonly scheduler = Scheduler.make((task) => this.#tasks.push(task))
  #now = 1_000_000
  readonly #tasks: Array<() => void> = []
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()

  unsafeCurrentTimeMillis(): number {
    return this.#now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.#now * 1e6))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper = { at: this.#now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      this.#sleepers.add(sleeper)
      return Effect.sync(() => this.#sleepers.delete(sleeper))
    })
  }

  /** Starts an effect with this clock and scheduler. */
  start(effect: Effect.Effect<unknown>): void {
    Effect.runFork(Effect.withClock(effect, this), { scheduler: this.scheduler })
  }

  /** Lets time pass, and runs each fiber when its sleep ends. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      this.#run()
      const next = Math.min(...[...this.#sleepers].map(({ at }) => at))
      if (next > end) break
      this.#now = next
      for (const sleeper of [...this.#sleepers])
        if (sleeper.at <= next && this.#sleepers.delete(sleeper)) sleeper.wake()
    }
    this.#now = end
  }

  #run(): void {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) task()
  }
}
