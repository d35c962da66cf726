import type * as Fiber from "effect/Fiber"
import type { Holder } from "../call/permitOwner.js"
import { isLost } from "../call/waitQueue.js"

/** A send that is looked at by a gate. */
export interface Sender {
  /** The same object for one send, from its admission to its end. */
  readonly send: object
  readonly holder: Holder
}

/** A send that waits. */
export interface Waiter extends Sender {
  /** If the gate opens then or later, it is too late: the deadline, or the longest wait. */
  readonly latest: number
  /** Ends the wait. Called once. */
  readonly settle: (outcome: "admitted" | "too late") => void
  /** When it last polled. Undefined for a fiber that is notified. */
  polledAt: number | undefined
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

/** What is said about the wait while a probe is under way, in milliseconds: its answer will soon be here. */
const soon = 1000

/** A gate whose probe is due, and that nothing asks for, is forgotten after this time, in milliseconds. */
const forgotten = 3_600_000

/**
 * Lets nothing pass until an instant. Then requests get in one by one, first come first served: few in the first
 * {@link careful} milliseconds, all of them within about a {@link ramp}, and one more for each good answer. Closed again,
 * it begins again.
 *
 * Where the instant is earlier than the server asked for, one request gets in first, the probe. The others wait for its
 * answer: a good one lets them in as above, a bad one closes the gate again, and without an answer the next is the probe.
 *
 * Knows no clock: each caller brings the time of the monotonic clock, in milliseconds.
 */
export class Gate {
  /** When it opens, or did. */
  opensAt = 0
  /** The status of the answer that closed it. */
  status = 429
  /** How often it was closed in a row. */
  closings = 0
  /** The fiber that looks when it is time to; there is one while anything waits. */
  pump: Fiber.RuntimeFiber<void> | "starting" | undefined
  /** The request that is to find out whether it is over. */
  probe: Sender | undefined
  readonly #waiting = new Set<Waiter>()
  /** Whether a probe has to pass before the others do. */
  #needsProbe = false
  /** When the ramp began; undefined while it is closed, and until the probe is answered. */
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
    if (this.#waiting.size > 0 || this.probe !== undefined) return false
    return this.#needsProbe ? now >= this.opensAt + forgotten : now >= (this.#opened ?? this.opensAt) + ramp
  }

  isClosed(now: number): boolean {
    return now < this.opensAt
  }

  /** Whether it would lose what it knows, if it were forgotten. */
  isClosing(now: number): boolean {
    return this.isClosed(now) || this.#needsProbe
  }

  /** How long a request that joins now waits, in milliseconds; from the ramp on an estimate. */
  waitOf(now: number): number {
    if (this.isClosed(now)) return this.opensAt - now
    if (this.#opened === undefined) return this.#needsProbe ? soon : 1
    const isSpent = now - this.#opened <= careful && this.#admitted >= this.#quota
    const untilTurn = (this.#waiting.size + 1 - this.#credit) / this.#rate
    return Math.max(1, untilTurn, isSpent ? this.#opened + careful - now : 0)
  }

  /**
   * Closes until an instant, never earlier than it was to open before. Those for whom that is too late are told.
   *
   * @param needsProbe - whether the server asked for longer than that.
   */
  close(now: number, until: number, status: number, needsProbe: boolean): void {
    if (!this.isClosed(now)) {
      this.#refused = 0
      this.#opened = undefined
      this.closings++
      this.probe = undefined
      this.#needsProbe = needsProbe
    }
    this.#refused++
    if (until <= this.opensAt) return
    this.opensAt = until
    this.status = status
    this.#needsProbe = needsProbe
    for (const waiter of this.#waiting) {
      if (until >= waiter.latest) this.#settle(waiter, "too late")
    }
  }

  /** Whether one more may pass at once. */
  enter(now: number, sender: Sender): boolean {
    this.#advance(now)
    return this.#waiting.size === 0 && this.#take(now, sender)
  }

  join(waiter: Waiter): void {
    this.#waiting.add(waiter)
  }

  leave(waiter: Waiter): void {
    this.#waiting.delete(waiter)
  }

  /** A good answer: one more may come; and if it is the probe's, the others. */
  good(now: number, send: object | undefined): void {
    if (this.isClosed(now)) return
    if (this.#needsProbe) {
      if (this.probe === undefined || this.probe.send !== send) return
      this.probe = undefined
      this.#needsProbe = false
      this.#advance(now)
    }
    this.#credit++
    this.tick(now)
  }

  /** A send is over. Where it is a probe without a verdict, the next one is the probe; tells whether it was. */
  end(now: number, send: object): boolean {
    if (this.probe?.send !== send) return false
    this.probe = undefined
    this.tick(now)
    return true
  }

  /** Lets in whose turn it is, and tells when to look again: in how many milliseconds. */
  tick(now: number): number {
    this.#advance(now)
    if (this.probe !== undefined) return this.#patience(now)
    for (const waiter of this.#waiting) {
      if (isLost(waiter, now)) {
        this.#waiting.delete(waiter)
        continue
      }
      if (!this.#take(now, waiter)) break
      this.#settle(waiter, "admitted")
    }
    if (this.probe !== undefined) return this.#patience(now)
    if (this.#opened === undefined) return this.opensAt - now
    const spent = now - this.#opened <= careful && this.#admitted >= this.#quota
    return spent ? this.#opened + careful + 1 - now : pause
  }

  /** Tells those whose time is over, and in how many milliseconds the next one's is: nothing else happens until then. */
  #patience(now: number): number {
    let next = this.probe?.holder.until ?? Number.POSITIVE_INFINITY
    for (const waiter of this.#waiting) {
      if (waiter.latest <= now) this.#settle(waiter, "too late")
      else next = Math.min(next, waiter.latest)
    }
    return next - now
  }

  #settle(waiter: Waiter, outcome: "admitted" | "too late"): void {
    this.#waiting.delete(waiter)
    waiter.settle(outcome)
  }

  #advance(now: number): void {
    // Its fiber is lost, and brings no answer.
    if (this.probe !== undefined && now >= this.probe.holder.until) this.probe = undefined
    if (this.isClosed(now) || this.#needsProbe) return
    if (this.#opened === undefined) return this.#open(now)
    const passed = now - this.#last
    this.#last = now
    if (now - this.#opened > careful) this.#rate = Math.max(this.#rate, this.#waiting.size / ramp)
    // New ones may come faster than those who waited get in. Nothing is to wait for ever.
    if (now - this.#opened > ramp) this.#rate = Math.min(this.#rate * 2 ** (passed / ramp), fastest)
    this.#credit = Math.min(this.#credit + this.#rate * passed, Math.max(1, this.#rate * careful))
  }

  #open(now: number): void {
    // Those that were refused may not come back: they count where nothing else is expected.
    const expected = Math.max(1, this.#waiting.size === 0 ? this.#refused : this.#waiting.size)
    this.#opened = now
    this.#last = now
    this.#quota = Math.max(1, Math.floor(expected * few))
    this.#admitted = 0
    this.#rate = expected / ramp
    this.#credit = 1
  }

  #take(now: number, sender: Sender): boolean {
    if (this.isClosed(now)) return false
    if (this.#needsProbe) {
      if (this.probe !== undefined) return false
      this.probe = { send: sender.send, holder: sender.holder }
      return true
    }
    if (this.#opened === undefined || this.#credit < 1) return false
    if (now - this.#opened <= careful && this.#admitted >= this.#quota) return false
    this.#admitted++
    this.#credit--
    return true
  }
}
