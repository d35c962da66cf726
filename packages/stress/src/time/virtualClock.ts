/**
 * A clock that moves to the next thing that somebody waits for as soon as nobody has anything to do: a minute takes as
 * long as what happens in it. The platform's test clock looks at every fiber before it moves; here there are thousands.
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
  /** Those who sleep, by when they wake; of one instant in the order in which they came. */
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

  /** Wakes those who are next; false when nobody sleeps. */
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

/** As many turns of the event loop as those who were woken need until they sleep again, and some more. */
const turns = 4

/** Runs an effect under such a clock, from 0 on. One that waits for nothing, and does not end, is a defect. */
export const run = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const clock = new Virtual()
    const fiber = yield* Effect.fork(Effect.withClock(effect, clock))
    for (;;) {
      for (let n = 0; n < turns; n++) yield* turn
      if ((yield* Fiber.poll(fiber))._tag === "Some") return yield* Fiber.join(fiber)
      if (!clock.advance()) return yield* Effect.dieMessage("nobody waits for anything, and it does not end")
    }
  })
