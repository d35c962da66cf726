import type * as Fiber from "effect/Fiber"
import type { Holder } from "../call/permitOwner.js"
import { isLost } from "../call/waitQueue.js"

/** A send that is looked at by a gate. */
export interface GateRequest {
  /** The same object for one send, from its admission to its end. */
  readonly send: object
  readonly holder: Holder
}

/** A send that waits. */
export interface GateWaiter extends GateRequest {
  /** If the gate opens then or later, it is too late: the deadline, or the longest wait. */
  readonly deadline: number
  /** Ends the wait. Called once. */
  readonly resume: (outcome: "admitted" | "too late") => void
  /** When it last polled. Undefined for a fiber that is notified. */
  polledAt: number | undefined
}

/** How long those who waited take to get in, in milliseconds, where no answer says that it may go faster. */
const rampMs = 1000

/** For so long after the gate opens no more than {@link initialShare} of those who are expected get in. */
const initialPhaseMs = 100

const initialShare = 0.1

/** In admissions a millisecond: as good as no bound, and a number. */
const maxRate = 1000

/** Between two looks at who may get in, in milliseconds. */
const tickMs = 10

/** What is said about the wait while a probe is under way, in milliseconds: its answer will soon be here. */
const probeRetryHintMs = 1000

/** A gate whose probe is due, and that nothing asks for, is forgotten after this time, in milliseconds. */
const probeRetentionMs = 3_600_000

/**
 * Lets nothing pass until an instant. Then requests get in one by one, first come first served: few in the first
 * {@link initialPhaseMs} milliseconds, all of them within about a {@link rampMs}, and one more for each good answer. Closed again,
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
  consecutiveClosings = 0
  /** The fiber that looks when it is time to; there is one while anything waits. */
  admissionFiber: Fiber.RuntimeFiber<void> | "starting" | undefined
  /** The request that is to find out whether it is over. */
  probe: GateRequest | undefined
  readonly #waiters = new Set<GateWaiter>()
  /** Whether a probe has to pass before the others do. */
  #needsProbe = false
  /** When the ramp began; undefined while it is closed, and until the probe is answered. */
  #openedAt: number | undefined
  /** How many were refused, and may come back. */
  #rejectedCount = 0
  #initialQuota = 0
  #admittedCount = 0
  /** Admissions a millisecond. */
  #rate = 0
  #credit = 0
  #lastAdvance = 0

  get size(): number {
    return this.#waiters.size
  }

  /** Whether requests pass as if it were not there. */
  isIdle(now: number): boolean {
    if (this.#waiters.size > 0 || this.probe !== undefined) return false
    return this.#needsProbe ? now >= this.opensAt + probeRetentionMs : now >= (this.#openedAt ?? this.opensAt) + rampMs
  }

  isClosed(now: number): boolean {
    return now < this.opensAt
  }

  /** Whether it would lose what it knows, if it were forgotten. */
  mustBeRetained(now: number): boolean {
    return this.isClosed(now) || this.#needsProbe
  }

  /** How long a request that joins now waits, in milliseconds; from the ramp on an estimate. */
  estimateWait(now: number): number {
    if (this.isClosed(now)) return this.opensAt - now
    if (this.#openedAt === undefined) return this.#needsProbe ? probeRetryHintMs : 1
    const isSpent = now - this.#openedAt <= initialPhaseMs && this.#admittedCount >= this.#initialQuota
    const untilTurn = (this.#waiters.size + 1 - this.#credit) / this.#rate
    return Math.max(1, untilTurn, isSpent ? this.#openedAt + initialPhaseMs - now : 0)
  }

  /**
   * Closes until an instant, never earlier than it was to open before. Those for whom that is too late are told.
   *
   * @param needsProbe - whether the server asked for longer than that.
   */
  close(now: number, until: number, status: number, needsProbe: boolean): void {
    if (!this.isClosed(now)) {
      this.#rejectedCount = 0
      this.#openedAt = undefined
      this.consecutiveClosings++
      this.probe = undefined
      this.#needsProbe = needsProbe
    }
    this.#rejectedCount++
    if (until <= this.opensAt) return
    this.opensAt = until
    this.status = status
    this.#needsProbe = needsProbe
    for (const waiter of this.#waiters) {
      if (until >= waiter.deadline) this.#resume(waiter, "too late")
    }
  }

  /** Whether one more may pass at once. */
  tryAdmit(now: number, request: GateRequest): boolean {
    this.#advance(now)
    return this.#waiters.size === 0 && this.#tryTake(now, request)
  }

  enqueue(waiter: GateWaiter): void {
    this.#waiters.add(waiter)
  }

  cancel(waiter: GateWaiter): void {
    this.#waiters.delete(waiter)
  }

  /** A good answer: one more may come; and if it is the probe's, the others. */
  onSuccess(now: number, send: object | undefined): void {
    if (this.isClosed(now)) return
    if (this.#needsProbe) {
      if (this.probe === undefined || this.probe.send !== send) return
      this.probe = undefined
      this.#needsProbe = false
      this.#advance(now)
    }
    this.#credit++
    this.admitDue(now)
  }

  /** A send is over. Where it is a probe without a verdict, the next one is the probe; tells whether it was. */
  onSendEnd(now: number, send: object): boolean {
    if (this.probe?.send !== send) return false
    this.probe = undefined
    this.admitDue(now)
    return true
  }

  /** Lets in whose turn it is, and tells when to look again: in how many milliseconds. */
  admitDue(now: number): number {
    this.#advance(now)
    if (this.probe !== undefined) return this.#expireWaiters(now)
    for (const waiter of this.#waiters) {
      if (isLost(waiter, now)) {
        this.#waiters.delete(waiter)
        continue
      }
      if (!this.#tryTake(now, waiter)) break
      this.#resume(waiter, "admitted")
    }
    if (this.probe !== undefined) return this.#expireWaiters(now)
    if (this.#openedAt === undefined) return this.opensAt - now
    const spent = now - this.#openedAt <= initialPhaseMs && this.#admittedCount >= this.#initialQuota
    return spent ? this.#openedAt + initialPhaseMs + 1 - now : tickMs
  }

  /** Tells those whose time is over, and in how many milliseconds the next one's is: nothing else happens until then. */
  #expireWaiters(now: number): number {
    let next = this.probe?.holder.until ?? Number.POSITIVE_INFINITY
    for (const waiter of this.#waiters) {
      if (waiter.deadline <= now) this.#resume(waiter, "too late")
      else next = Math.min(next, waiter.deadline)
    }
    return next - now
  }

  #resume(waiter: GateWaiter, outcome: "admitted" | "too late"): void {
    this.#waiters.delete(waiter)
    waiter.resume(outcome)
  }

  #advance(now: number): void {
    // Its fiber is lost, and brings no answer.
    if (this.probe !== undefined && now >= this.probe.holder.until) this.probe = undefined
    if (this.isClosed(now) || this.#needsProbe) return
    if (this.#openedAt === undefined) return this.#open(now)
    const passed = now - this.#lastAdvance
    this.#lastAdvance = now
    if (now - this.#openedAt > initialPhaseMs) this.#rate = Math.max(this.#rate, this.#waiters.size / rampMs)
    // New ones may come faster than those who waited get in. Nothing is to wait for ever.
    if (now - this.#openedAt > rampMs) this.#rate = Math.min(this.#rate * 2 ** (passed / rampMs), maxRate)
    this.#credit = Math.min(this.#credit + this.#rate * passed, Math.max(1, this.#rate * initialPhaseMs))
  }

  #open(now: number): void {
    // Those that were refused may not come back: they count where nothing else is expected.
    const expected = Math.max(1, this.#waiters.size === 0 ? this.#rejectedCount : this.#waiters.size)
    this.#openedAt = now
    this.#lastAdvance = now
    this.#initialQuota = Math.max(1, Math.floor(expected * initialShare))
    this.#admittedCount = 0
    this.#rate = expected / rampMs
    this.#credit = 1
  }

  #tryTake(now: number, request: GateRequest): boolean {
    if (this.isClosed(now)) return false
    if (this.#needsProbe) {
      if (this.probe !== undefined) return false
      this.probe = { send: request.send, holder: request.holder }
      return true
    }
    if (this.#openedAt === undefined || this.#credit < 1) return false
    if (now - this.#openedAt <= initialPhaseMs && this.#admittedCount >= this.#initialQuota) return false
    this.#admittedCount++
    this.#credit--
    return true
  }
}
