import type * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenError } from "@countersign/auth/Errors"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Call } from "./tokenSource.js"
import { scriptedTokens, makeSource, storeFromOtherProcess } from "./tokenSource.js"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** A clock with an adjustable wall time. */
export class Machine implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())
  /** The offset of the wall clock, in milliseconds. */
  moved = 0
  /** The clock of a source. Timers that are set while `isLosing` is true do not fire. */
  isLosing = false
  readonly losing: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    currentTimeMillis: this.currentTimeMillis,
    currentTimeNanos: this.currentTimeNanos,
    unsafeCurrentTimeMillis: () => this.unsafeCurrentTimeMillis(),
    unsafeCurrentTimeNanos: () => this.unsafeCurrentTimeNanos(),
    sleep: (duration) => (this.isLosing ? Effect.never : this.sleep(duration))
  }
  #now = 60_000
  readonly #sleepers = new Set<Sleeper>()

  unsafeCurrentTimeMillis(): number {
    return this.#now + this.moved
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

  /** Advances the clock, and wakes each sleeper at its time. */
  pass(duration: Duration.DurationInput): Effect.Effect<void> {
    const end = this.#now + Duration.toMillis(duration)
    return Effect.gen(this, function* () {
      for (;;) {
        for (let n = 0; n < 3; n++) yield* turn
        const next = Math.min(end, ...[...this.#sleepers].map(({ at }) => at))
        this.#now = next
        const due = [...this.#sleepers].filter(({ at }) => at <= next)
        for (const sleeper of due) if (this.#sleepers.delete(sleeper)) sleeper.wake()
        if (due.length === 0 && next === end) return
      }
    })
  }
}

/** A source with its own machine clock and a stored, expired token. `acquireToken` times out after one second by default. */
export const sourceWith = (
  script: (n: number, machine: Machine) => Effect.Effect<Token.Token, TokenError>,
  storeOf: (memory: TokenStore.Service) => TokenStore.Service = (memory) => memory,
  timeout: Duration.DurationInput = "1 second"
) =>
  Effect.gen(function* () {
    const machine = new Machine()
    const store = yield* TokenStore.makeMemory
    yield* storeFromOtherProcess(store, "old", 1).pipe(Effect.withClock(machine))
    yield* machine.pass("1 minute")
    const { calls: requests, mint } = scriptedTokens((n) => script(n, machine))
    const calls: ReadonlyArray<Call> = requests
    const source = yield* makeSource(storeOf(store), mint, { timeout }).pipe(Effect.withClock(machine.losing))
    return { machine, store, calls, get: Effect.withClock(source.get, machine) }
  })
