import type * as Effect from "effect/Effect"
import type { Running } from "../call/context.js"
import type { Holder } from "../call/permitOwner.js"
import { holderOf, isWithin } from "../call/permitOwner.js"
import { admit, Waiter, WaitQueue } from "../call/waitQueue.js"
import { unsafeMonotonicNow } from "../time/clock.js"
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
  startedAt = 0
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
  readonly #adaptiveLimit: AdaptiveLimit
  readonly #permits = new Set<Permit>()
  readonly #queue = new WaitQueue<QueuedRequest>()
  #permitsIssued = 0
  /** The earliest time at which a permit may end. */
  #nextLeaseEnd = Number.POSITIVE_INFINITY

  constructor(origin: string, adaptiveLimit: AdaptiveLimit) {
    this.origin = origin
    this.#adaptiveLimit = adaptiveLimit
  }

  get limit(): number {
    return this.#adaptiveLimit.limit
  }

  get inFlight(): number {
    return this.#permits.size
  }

  get queued(): number {
    return this.#queue.size
  }

  /** Whether this fiber acts for somebody who has a permit: it would wait for itself. */
  isReentrant(fiber: Running): boolean {
    for (const permit of this.#permits) if (isWithin(fiber, permit)) return true
    return false
  }

  /** A permit, if there is one and nobody waits for it. */
  tryAcquire(fiber: Running): Permit | undefined {
    if (!this.#hasRoom()) this.#advance(unsafeMonotonicNow(fiber))
    if (!this.#hasRoom()) return undefined
    const permit = new Permit(fiber)
    this.#grant(permit)
    return permit
  }

  #hasRoom(): boolean {
    return this.#queue.size === 0 && this.#permits.size < this.limit
  }

  enqueue(fiber: Running): QueuedRequest {
    const waiter = new QueuedRequest(fiber)
    this.#queue.enqueue(waiter)
    return waiter
  }

  /** Waits until its turn has come. */
  awaitTurn(waiter: QueuedRequest): Effect.Effect<void> {
    return this.#queue.awaitTurn(waiter, (now) => this.#advance(now))
  }

  /** Somebody waits no more, whether or not its turn has come. */
  cancel(waiter: QueuedRequest): void {
    if (waiter.admitted) this.release(waiter.permit)
    else this.#queue.remove(waiter)
  }

  /** What the exchange that had a permit says about the server. */
  recordResult({ permitNumber, inFlight }: Permit, overloaded: boolean, ms: number): void {
    this.#adaptiveLimit.onResult({ overloaded, ms, permitNumber, inFlight, permitsIssued: this.#permitsIssued })
  }

  /** Gives a permit back. */
  release(permit: Permit): void {
    this.#permits.delete(permit)
    this.#admit(unsafeMonotonicNow(permit.fiber))
  }

  /** Takes permits back from lost fibers, and gives what is free to those that wait. */
  #advance(now: number): void {
    if (now >= this.#nextLeaseEnd) this.#reclaimLost(now)
    this.#admit(now)
  }

  #reclaimLost(now: number): void {
    this.#nextLeaseEnd = Number.POSITIVE_INFINITY
    for (const permit of this.#permits) {
      if (now >= permit.until) this.#permits.delete(permit)
      else this.#nextLeaseEnd = Math.min(this.#nextLeaseEnd, permit.until)
    }
  }

  #admit(now: number): void {
    // A limit that has moved has room for several, or for none.
    while (this.#permits.size < this.limit) {
      const waiter = this.#queue.shift(now)
      if (waiter === undefined) return
      waiter.admitted = true
      this.#grant(waiter.permit)
      admit(waiter)
    }
  }

  #grant(permit: Permit): void {
    this.#permits.add(permit)
    this.#nextLeaseEnd = Math.min(this.#nextLeaseEnd, permit.until)
    permit.permitNumber = ++this.#permitsIssued
    permit.inFlight = this.#permits.size
  }
}
