import { TokenStoreError } from "@countersign/auth/Errors"
import type * as LeaseLock from "@countersign/auth/LeaseLock"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** What happens to a request: it is executed, it is lost on its way, its response is lost, or both take for ever. */
export type Fate = "executed" | "lost" | "unanswered" | "hanging"

type Operation = "acquire" | "renew" | "release"

/** A request that the engine got, with the time since the start of the test in milliseconds. */
export interface Request {
  readonly operation: Operation
  readonly owner: string
  readonly at: number
}

export const unreachable = new TokenStoreError({ reason: "WriteFailed", detail: "the engine is unreachable" })

/** An engine in memory, with one lock for each name. It measures time by the clock that it is given. */
export class LeaseEngine {
  readonly requests: Array<Request> = []
  readonly #locks = new Map<string, { readonly owner: string; readonly end: number }>()
  readonly #clock: Clock.Clock
  /** The fate of the next request of each kind. */
  fate: (operation: Operation) => Fate = () => "executed"
  /** How long a request and its response are on their way, in milliseconds. */
  latency: () => readonly [number, number] = () => [0, 0]

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** The owner that has the lock now. */
  ownerOf(name: string): string | undefined {
    const lock = this.#locks.get(name)
    return lock !== undefined && lock.end > this.#clock.unsafeCurrentTimeMillis() ? lock.owner : undefined
  }

  /** Gives the lock to another process for this time. */
  give(name: string, owner: string, ms: number): void {
    this.#locks.set(name, { owner, end: this.#clock.unsafeCurrentTimeMillis() + ms })
  }

  /** Loses all locks, as a failover does. */
  forget(): void {
    this.#locks.clear()
  }

  /** The times of the requests of a kind. */
  timesOf(operation: Operation): ReadonlyArray<number> {
    return this.requests.filter((request) => request.operation === operation).map(({ at }) => at)
  }

  #take(name: string, owner: string, lease: Duration.Duration): boolean {
    const holder = this.ownerOf(name)
    if (holder !== undefined && holder !== owner) return false
    this.give(name, owner, Duration.toMillis(lease))
    return true
  }

  #answer<A>(operation: Operation, owner: string, execute: () => A): Effect.Effect<A, TokenStoreError> {
    return Effect.suspend(() => {
      const fate = this.fate(operation)
      const [there, back] = this.latency()
      this.requests.push({ operation, owner, at: this.#clock.unsafeCurrentTimeMillis() })
      if (fate === "hanging") return Effect.never
      const answer = Effect.suspend(() => {
        if (fate === "lost") return Effect.fail(unreachable)
        const result = execute()
        return fate === "unanswered" ? Effect.fail(unreachable) : Effect.succeed(result)
      })
      // The engine and the network do not stop with the process.
      const way = (ms: number) => (ms === 0 ? Effect.void : this.#clock.sleep(Duration.millis(ms)))
      return Effect.uninterruptible(Effect.zipLeft(Effect.zipRight(way(there), answer), way(back)))
    })
  }

  readonly backing: LeaseLock.Backing = {
    acquire: (name, owner, lease) => this.#answer("acquire", owner, () => this.#take(name, owner, lease)),
    renew: (name, owner, lease) => this.#answer("renew", owner, () => this.#take(name, owner, lease)),
    release: (name, owner) =>
      this.#answer("release", owner, () => {
        if (this.ownerOf(name) === owner) this.#locks.delete(name)
      })
  }
}

/** An engine that measures time by the clock of the test. */
export const make: Effect.Effect<LeaseEngine> = Effect.map(Effect.clock, (clock) => new LeaseEngine(clock))
