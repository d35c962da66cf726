import type * as Fiber from "effect/Fiber"

/** Somebody who is held. */
export interface Waiter {
  /** If the gate opens then or later, it is too late: the deadline, or the end of one's patience. */
  readonly latest: number
  /** Lets it go, or tells it that it is too late. Called once. */
  readonly settle: (outcome: "admitted" | "too late") => void
}

/** How long those who waited take to get in, in milliseconds, where no answer says that it may go faster. */
const ramp = 1000

/** For so long after the gate opens no more than {@link few} of those who are expected get in. */
const careful = 100

const few = 0.1

/** In admissions a millisecond: as good as no bound, and a number. */
const fastest = 1000

/** Between two looks at who may get in, in milliseconds. */
const pause = 10

/**
 * Holds whoever comes until an instant, then lets them in one by one, first come first served: few in the first
 * {@link careful} milliseconds, all of them within about a {@link ramp}, and one more for each good answer. Closed
 * again, it begins again. Knows no clock: everybody who asks brings the time, in epoch milliseconds.
 */
export class Gate {
  /** When it opens, or did. */
  opensAt = 0
  /** The status of the answer that closed it. */
  status = 429
  /** How often it was closed in a row. */
  closings = 0
  /** The fiber that looks when it is time to; there is one while anybody waits. */
  pump: Fiber.RuntimeFiber<void> | "starting" | undefined
  readonly #waiting = new Set<Waiter>()
  /** When the ramp began; undefined while it is closed. */
  #opened: number | undefined
  /** How many were refused, and may come back. */
  #refused = 0
  #quota = 0
  #admitted = 0
  /** Admissions a millisecond. */
  #rate = 0
  #credit = 0
  #last = 0

  get size(): number {
    return this.#waiting.size
  }

  /** Whether requests pass as if it were not there. */
  isIdle(now: number): boolean {
    return this.#waiting.size === 0 && now >= (this.#opened ?? this.opensAt) + ramp
  }

  isClosed(now: number): boolean {
    return now < this.opensAt
  }

  /** Closes until an instant, never earlier than it was to open before; those for whom that is too late hear of it. */
  close(now: number, until: number, status: number): void {
    if (!this.isClosed(now)) {
      this.#refused = 0
      this.#opened = undefined
      this.closings++
    }
    this.#refused++
    if (until <= this.opensAt) return
    this.opensAt = until
    this.status = status
    for (const waiter of this.#waiting) {
      if (until >= waiter.latest) this.#settle(waiter, "too late")
    }
  }

  /** Whether one more may pass at once. */
  enter(now: number): boolean {
    this.#advance(now)
    return this.#waiting.size === 0 && this.#take(now)
  }

  join(waiter: Waiter): void {
    this.#waiting.add(waiter)
  }

  leave(waiter: Waiter): void {
    this.#waiting.delete(waiter)
  }

  /** A good answer: one more may come. */
  good(now: number): void {
    if (this.isClosed(now)) return
    this.#credit++
    this.tick(now)
  }

  /** Lets in whose turn it is, and tells when to look again: in how many milliseconds. */
  tick(now: number): number {
    this.#advance(now)
    for (const waiter of this.#waiting) {
      if (!this.#take(now)) break
      this.#settle(waiter, "admitted")
    }
    if (this.#opened === undefined) return this.opensAt - now
    const spent = now - this.#opened <= careful && this.#admitted >= this.#quota
    return spent ? this.#opened + careful + 1 - now : pause
  }

  #settle(waiter: Waiter, outcome: "admitted" | "too late"): void {
    this.#waiting.delete(waiter)
    waiter.settle(outcome)
  }

  #advance(now: number): void {
    if (this.isClosed(now)) return
    if (this.#opened === undefined) return this.#open(now)
    const passed = now - this.#last
    this.#last = now
    if (now - this.#opened > careful) this.#rate = Math.max(this.#rate, this.#waiting.size / ramp)
    // New ones may come faster than those who waited get in. Nobody is to wait for ever.
    if (now - this.#opened > ramp) this.#rate = Math.min(this.#rate * 2 ** (passed / ramp), fastest)
    this.#credit = Math.min(this.#credit + this.#rate * passed, Math.max(1, this.#rate * careful))
  }

  #open(now: number): void {
    // Who was refused may not come back: they count where nobody else is expected.
    const expected = Math.max(1, this.#waiting.size === 0 ? this.#refused : this.#waiting.size)
    this.#opened = now
    this.#last = now
    this.#quota = Math.max(1, Math.floor(expected * few))
    this.#admitted = 0
    this.#rate = expected / ramp
    this.#credit = 1
  }

  #take(now: number): boolean {
    if (this.#opened === undefined || this.#credit < 1) return false
    if (now - this.#opened <= careful && this.#admitted >= this.#quota) return false
    this.#admitted++
    this.#credit--
    return true
  }
}
