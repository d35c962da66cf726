import type * as Effect from "effect/Effect"
import type { Running } from "../call/context.js"
import type { Holder } from "../call/permitOwner.js"
import { holderOf, isWithin } from "../call/permitOwner.js"
import { admit, Waiter, WaitQueue } from "../call/waitQueue.js"
import { monotonicOf } from "../time/clock.js"
import type { AdaptiveLimit } from "./service.js"

/** Leave to send. */
export class Permit implements Holder {
  readonly fiber: Running
  readonly shared: Holder["shared"]
  /** How many of this bulkhead's were given with it and before it. */
  permitNumber = 0
  /** How many requests were under way when it was given, this one included. */
  inFlight = 0
  /** When it was given, in milliseconds of the monotonic clock, where durations are measured. */
  since = 0
  /** Until when it is held at most, in milliseconds of the monotonic clock. After that its fiber is lost. */
  readonly until: number

  constructor(fiber: Running) {
    const { shared, until } = holderOf(fiber)
    this.fiber = fiber
    this.shared = shared
    this.until = until
  }
}

/** A request in the queue, with the permit that it gets. */
export class QueuedRequest extends Waiter {
  readonly permit: Permit
  /** Whether its turn has come: then it has to give the permit back. */
  admitted = false

  constructor(fiber: Running) {
    super()
    this.permit = new Permit(fiber)
  }
}

/**
 * One origin's permits, and the queue for them: first come first served. Who leaves the queue, and who gives a permit back,
 * does so at once and exactly once, so that none is lost and none is made.
 */
export class Bulkhead {
  readonly origin: string
  readonly #moving: AdaptiveLimit
  readonly #held = new Set<Permit>()
  readonly #waiting = new WaitQueue<QueuedRequest>()
  #given = 0
  /** The earliest time at which a permit may end. */
  #nextEnd = Number.POSITIVE_INFINITY

  constructor(origin: string, moving: AdaptiveLimit) {
    this.origin = origin
    this.#moving = moving
  }

  get limit(): number {
    return this.#moving.limit
  }

  get inFlight(): number {
    return this.#held.size
  }

  get queued(): number {
    return this.#waiting.size
  }

  /** Whether this fiber acts for somebody who has a permit: it would wait for itself. */
  holds(fiber: Running): boolean {
    for (const permit of this.#held) if (isWithin(fiber, permit)) return true
    return false
  }

  /** A permit, if there is one and nobody waits for it. */
  take(fiber: Running): Permit | undefined {
    if (!this.#hasRoom()) this.#advance(monotonicOf(fiber))
    if (!this.#hasRoom()) return undefined
    const permit = new Permit(fiber)
    this.#give(permit)
    return permit
  }

  #hasRoom(): boolean {
    return this.#waiting.size === 0 && this.#held.size < this.limit
  }

  join(fiber: Running): QueuedRequest {
    const waiter = new QueuedRequest(fiber)
    this.#waiting.join(waiter)
    return waiter
  }

  /** Waits until its turn has come. */
  turnOf(waiter: QueuedRequest): Effect.Effect<void> {
    return this.#waiting.turnOf(waiter, (now) => this.#advance(now))
  }

  /** Somebody waits no more, whether or not its turn has come. */
  leave(waiter: QueuedRequest): void {
    if (waiter.admitted) this.release(waiter.permit)
    else this.#waiting.leave(waiter)
  }

  /** What the exchange that had a permit says about the server. */
  heard({ permitNumber, inFlight }: Permit, overloaded: boolean, ms: number): void {
    this.#moving.onResult({ overloaded, ms, permitNumber, inFlight, permitsIssued: this.#given })
  }

  /** Gives a permit back. */
  release(permit: Permit): void {
    this.#held.delete(permit)
    this.#admit(monotonicOf(permit.fiber))
  }

  /** Takes permits back from lost fibers, and gives what is free to those that wait. */
  #advance(now: number): void {
    if (now >= this.#nextEnd) this.#takeBack(now)
    this.#admit(now)
  }

  #takeBack(now: number): void {
    this.#nextEnd = Number.POSITIVE_INFINITY
    for (const permit of this.#held) {
      if (now >= permit.until) this.#held.delete(permit)
      else this.#nextEnd = Math.min(this.#nextEnd, permit.until)
    }
  }

  #admit(now: number): void {
    // A limit that has moved has room for several, or for none.
    while (this.#held.size < this.limit) {
      const waiter = this.#waiting.shift(now)
      if (waiter === undefined) return
      waiter.admitted = true
      this.#give(waiter.permit)
      admit(waiter)
    }
  }

  #give(permit: Permit): void {
    this.#held.add(permit)
    this.#nextEnd = Math.min(this.#nextEnd, permit.until)
    permit.permitNumber = ++this.#given
    permit.inFlight = this.#held.size
  }
}
