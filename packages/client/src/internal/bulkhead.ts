import type { Moving } from "../Concurrency.js"
import type { Running } from "./call.js"
import type { Holder } from "./holder.js"
import { holderOf, isWithin } from "./holder.js"

/** Leave to send. */
export class Permit implements Holder {
  readonly fiber: Running
  readonly shared: Holder["shared"]
  /** How many of this bulkhead's were given with it and before it. */
  nth = 0
  /** How many requests were under way when it was given, this one included. */
  underWay = 0
  /** When it was given, in milliseconds of the monotonic clock, where durations are measured. */
  since = 0

  constructor(fiber: Running) {
    const { shared } = holderOf(fiber)
    this.fiber = fiber
    this.shared = shared
  }
}

/** Somebody in the queue. */
export interface Waiter {
  readonly permit: Permit
  /** Whether its turn has come: then the permit is its own, and has to be given back. */
  admitted: boolean
  /** Wakes it up, once it sleeps. */
  wake: (() => void) | undefined
}

/**
 * One origin's permits, and the queue for them: first come first served. Who leaves the queue, and who gives a permit back,
 * does so at once and exactly once, so that none is lost and none is made.
 */
export class Bulkhead {
  readonly origin: string
  readonly #moving: Moving
  readonly #held = new Set<Permit>()
  readonly #waiting = new Set<Waiter>()
  #given = 0

  constructor(origin: string, moving: Moving) {
    this.origin = origin
    this.#moving = moving
  }

  get limit(): number {
    return this.#moving.limit
  }

  get underWay(): number {
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
    if (this.#waiting.size > 0 || this.#held.size >= this.limit) return undefined
    const permit = new Permit(fiber)
    this.#give(permit)
    return permit
  }

  join(fiber: Running): Waiter {
    const waiter: Waiter = { permit: new Permit(fiber), admitted: false, wake: undefined }
    this.#waiting.add(waiter)
    return waiter
  }

  /** Somebody waits no more, whether or not its turn has come. */
  leave(waiter: Waiter): void {
    if (waiter.admitted) this.release(waiter.permit)
    else this.#waiting.delete(waiter)
  }

  /** What the exchange that had a permit says about the server. */
  heard({ nth, underWay }: Permit, overloaded: boolean, ms: number): void {
    this.#moving.heard({ overloaded, ms, nth, underWay, given: this.#given })
  }

  /** Gives a permit back. */
  release(permit: Permit): void {
    this.#held.delete(permit)
    // A limit that has moved has room for several, or for none.
    for (const waiter of this.#waiting) {
      if (this.#held.size >= this.limit) return
      this.#waiting.delete(waiter)
      waiter.admitted = true
      this.#give(waiter.permit)
      waiter.wake?.()
    }
  }

  #give(permit: Permit): void {
    this.#held.add(permit)
    permit.nth = ++this.#given
    permit.underWay = this.#held.size
  }
}
