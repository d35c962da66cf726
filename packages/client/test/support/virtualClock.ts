/** A clock that jumps to the next sleeping fiber. It is much faster than the test clock, which waits at each step. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.#now)
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())
  readonly #sleepers = new Set<Sleeper>()
  #now: number

  constructor(start: number) {
    this.#now = start
  }

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

  /** Moves to the next instant and wakes its sleepers. */
  advance(): void {
    const sleepers = [...this.#sleepers].filter(({ at }) => Number.isFinite(at))
    if (sleepers.length === 0) return
    this.#now = Math.min(...sleepers.map(({ at }) => at))
    for (const sleeper of sleepers) {
      if (sleeper.at === this.#now && this.#sleepers.delete(sleeper)) sleeper.wake()
    }
  }
}

/** Turns of the event loop that the promises of a mock response body need, with a reserve. */
const turnsPerStep = 12

/**
 * Waits until a fiber has ended, or no fiber has more to do before the clock advances. One step of Effect, because most turns are
 * idle.
 */
export const settled = (fiber?: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    let left = turnsPerStep
    const next = () => {
      if (left-- === 0 || (fiber !== undefined && fiber.unsafePoll() !== null)) resume(Effect.void)
      else setImmediate(next)
    }
    setImmediate(next)
  })

/** Runs an effect under a virtual clock that starts at `start`. An effect that does not end is a defect. */
export const runFrom = <A, E, R>(start: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const clock = new VirtualClock(start)
    const fiber = yield* Effect.fork(Effect.withClock(effect, clock))
    for (let steps = 0; steps < 500; steps++) {
      yield* settled(fiber)
      const ended = yield* Fiber.poll(fiber)
      if (Option.isSome(ended)) return yield* ended.value
      clock.advance()
    }
    return yield* Effect.zipRight(Fiber.interrupt(fiber), Effect.dieMessage("the effect does not end"))
  })
