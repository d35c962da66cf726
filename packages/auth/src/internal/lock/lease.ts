import * as Effect from "effect/Effect"
import type { Stopwatch } from "../concurrency/stopwatch.js"

/** Share of a lease after which it counts as lost. The rest is for the way of a request that is sent just before. */
const safeShare = 0.9

/** One acquisition of a lock. It lasts from before its request was sent, because the engine's time starts later. */
export class Lease {
  /** A random identifier, because two acquisitions of one process must not release each other. */
  readonly owner: string
  readonly ms: number
  #since: Stopwatch
  #isUnanswered = false
  #isLost = false

  /**
   * @param since - runs from before the first request is sent.
   * @param ms - duration of the lease, in milliseconds.
   * @param owner - see {@link owner}.
   */
  constructor(since: Stopwatch, ms: number, owner: string) {
    this.owner = owner
    this.#since = since
    this.ms = ms
  }

  /**
   * A request for the lock is sent now. After one without a response the engine may have the lock already, and its lease
   * may have started then.
   */
  requested(since: Stopwatch): void {
    if (!this.#isUnanswered) this.#since = since
    this.#isUnanswered = true
  }

  /** The engine has responded that another process has the lock. */
  refused(): void {
    this.#isUnanswered = false
  }

  /** Whether the engine may have the lock, although no response has said so. */
  get isUnanswered(): boolean {
    return this.#isUnanswered
  }

  /** Whether no other process can hold the lock now. */
  readonly isHeld: Effect.Effect<boolean> = Effect.sync(
    () => !this.#isLost && this.#since.elapsed < this.ms * safeShare
  )

  /** Whether the lease has ended, or another process has the lock. A lost lease stays lost. */
  get isOver(): boolean {
    if (this.#since.elapsed >= this.ms) this.#isLost = true
    return this.#isLost
  }

  /** The time until the next third of the lease ends, in whole milliseconds and never zero. */
  get untilRenewal(): number {
    const third = Math.max(1, Math.floor(this.ms / 3))
    return Math.ceil(third - (this.#since.elapsed % third))
  }

  /** The lease was renewed by a request. A response after its end has no effect. */
  renewed(since: Stopwatch): void {
    if (!this.isOver) this.#since = since
  }

  /** Another process has the lock. */
  lost(): void {
    this.#isLost = true
  }
}
