import * as Effect from "effect/Effect"
import type { CallContext } from "../call/context.js"
import { holds, leaseEnd } from "../call/context.js"
import { Waiter, WaitQueue } from "../call/waitQueue.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import type { AdaptiveLimit } from "./service.js"

/** Permission to send one request. */
export class Permit {
  /** Sequence number of the permit in this bulkhead, starting at 1. */
  permitNumber = 0
  /** Requests in progress when the permit was issued, including this one. */
  inFlight = 0
  /** Time at which the request was sent, in milliseconds of the monotonic clock. Set only if durations are measured. */
  startedAt = 0
  /** End of the lease, in milliseconds of the monotonic clock. After that the fiber is considered lost. */
  readonly until: number

  constructor(context: CallContext) {
    this.until = leaseEnd(context)
  }
}

/** A queued request and its permit. */
export class QueuedRequest extends Waiter {
  readonly permit: Permit

  constructor(context: CallContext) {
    super()
    this.permit = new Permit(context)
  }
}

/**
 * The permits of one origin, and the queue for them, in order of arrival. A request leaves the queue or releases its
 * permit immediately and exactly once, so that no permit is lost or issued twice.
 */
export class Bulkhead {
  readonly origin: string
  readonly #adaptiveLimit: AdaptiveLimit
  readonly #permits = new Set<Permit>()
  readonly #queue = new WaitQueue<QueuedRequest>()
  #permitsIssued = 0
  /** The earliest end of a lease. */
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

  /** Whether the call is part of a request that has a permit. Waiting for another permit could then be a deadlock. */
  isReentrant(context: CallContext): boolean {
    for (const permit of this.#permits) if (holds(context, permit)) return true
    return false
  }

  /** Issues a permit if one is free and no request waits. */
  tryAcquire(context: CallContext): Permit | undefined {
    if (!this.#hasRoom()) this.#advance(unsafeMonotonicNow(context.fiber))
    if (!this.#hasRoom()) return undefined
    const permit = new Permit(context)
    this.#grant(permit)
    return permit
  }

  #hasRoom(): boolean {
    return this.#queue.size === 0 && this.#permits.size < this.limit
  }

  enqueue(context: CallContext): QueuedRequest {
    const waiter = new QueuedRequest(context)
    this.#queue.enqueue(waiter)
    return waiter
  }

  /** Waits until the request has a permit, or until `at`, in milliseconds of the monotonic clock. */
  awaitTurn(waiter: QueuedRequest, at: number, context: CallContext): Effect.Effect<void> {
    const onTimeout = () => Effect.void
    return this.#queue.awaitTurn(waiter, at, onTimeout, context, (now) => this.#advance(now))
  }

  /** Called when a request stops waiting, with or without a permit. */
  cancel(waiter: QueuedRequest, context: CallContext): void {
    if (waiter.isAdmitted) this.release(waiter.permit, context)
    else this.#queue.remove(waiter)
  }

  /** Reports the result of a request to the adaptive limit. */
  recordResult({ permitNumber, inFlight }: Permit, overloaded: boolean, ms: number): void {
    this.#adaptiveLimit.onResult({ overloaded, ms, permitNumber, inFlight, permitsIssued: this.#permitsIssued })
  }

  release(permit: Permit, { fiber }: CallContext): void {
    this.#permits.delete(permit)
    if (this.#queue.size > 0) this.#admit(unsafeMonotonicNow(fiber))
  }

  /** Reclaims permits of lost fibers, then issues free permits to waiting requests. */
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
    // The limit may have changed by more than one.
    while (this.#permits.size < this.limit) {
      const waiter = this.#queue.shift(now)
      if (waiter === undefined) return
      this.#grant(waiter.permit)
      waiter.admit()
    }
  }

  #grant(permit: Permit): void {
    this.#permits.add(permit)
    this.#nextLeaseEnd = Math.min(this.#nextLeaseEnd, permit.until)
    permit.permitNumber = ++this.#permitsIssued
    permit.inFlight = this.#permits.size
  }
}
