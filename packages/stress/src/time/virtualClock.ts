/**
 * A clock that advances to the next wake-up as soon as no fiber has anything to do, so a minute takes only the time of its
 * work. Effect's `TestClock` inspects every fiber before it advances, which is slow with thousands of fibers.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

class Virtual implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  #now = 0
  /** Sleeping fibers by wake-up time, in the order in which they went to sleep. */
  readonly #sleepers = new Map<number, Set<Sleeper>>()

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.#now)
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.#now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.#now * 1e6))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper = { at: this.#now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      this.#add(sleeper)
      return Effect.sync(() => this.#remove(sleeper))
    })
  }

  #add(sleeper: Sleeper): void {
    const same = this.#sleepers.get(sleeper.at)
    if (same === undefined) this.#sleepers.set(sleeper.at, new Set([sleeper]))
    else same.add(sleeper)
  }

  #remove(sleeper: Sleeper): void {
    const same = this.#sleepers.get(sleeper.at)
    same?.delete(sleeper)
    if (same?.size === 0) this.#sleepers.delete(sleeper.at)
  }

  /** Wakes the next sleepers. Returns false if no fiber sleeps. */
  advance(): boolean {
    let next = Number.POSITIVE_INFINITY
    for (const at of this.#sleepers.keys()) if (at < next) next = at
    const woken = this.#sleepers.get(next)
    if (woken === undefined) return false
    this.#sleepers.delete(next)
    this.#now = next
    for (const { wake } of woken) wake()
    return true
  }
}

const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Turns of the event loop after which woken fibers sleep again, with a margin. */
const turns = 4

/** Runs an effect with such a clock, starting at 0. An effect that neither sleeps nor ends is a defect. */
export const run = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const clock = new Virtual()
    const fiber = yield* Effect.fork(Effect.withClock(effect, clock))
    for (;;) {
      for (let n = 0; n < turns; n++) yield* turn
      if ((yield* Fiber.poll(fiber))._tag === "Some") return yield* Fiber.join(fiber)
      if (!clock.advance()) return yield* Effect.dieMessage("no fiber sleeps, and the effect does not end")
    }
  })
