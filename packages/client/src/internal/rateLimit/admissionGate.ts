import type * as Fiber from "effect/Fiber"
import { isLost } from "../call/waitQueue.js"

/** A request that asks a gate for admission. */
export interface GateRequest {
  /** Identifies one HTTP request, from its admission until it ends. */
  readonly send: object
  /** Until when it may be the probe, in milliseconds of the monotonic clock. After that its fiber is lost. */
  readonly until: number
}

/** A request that waits at a gate. */
export interface GateWaiter extends GateRequest {
  /** The wait fails if the gate opens at this time or later. It is the earlier of the call's deadline and `maxWait`. */
  readonly deadline: number
  /** Ends the wait. Called once. */
  readonly resume: (outcome: "admitted" | "too late") => void
  /** Time of the last poll. Undefined for a fiber that is notified instead of polling. */
  polledAt: number | undefined
}

/** Time within which all waiting requests are admitted, in milliseconds, if no response speeds it up. */
const rampMs = 1000

/**
 * Length of the first phase after the gate opens, in milliseconds. Only {@link initialShare} of the expected requests
 * are admitted in it.
 */
const initialPhaseMs = 100

const initialShare = 0.1

/** Upper bound of the admission rate, per millisecond. */
const maxRate = 1000

/** Interval at which the admission fiber runs, in milliseconds. */
const tickMs = 10

/** Wait that is reported while a probe is in progress, in milliseconds. The response to the probe replaces it. */
const probeRetryHintMs = 1000

/** Time after which an unused gate with a due probe is removed, in milliseconds. */
const probeRetentionMs = 3_600_000

/**
 * Admits no request until a given time. After that it admits requests in order of arrival:
 *
 * - few in the first {@link initialPhaseMs} milliseconds,
 * - all within about {@link rampMs} milliseconds,
 * - one more for each successful response.
 *
 * When the gate closes again, this starts anew.
 *
 * If the gate opens earlier than the server asked for (`needsProbe`), it first admits one request, the probe. The other
 * requests wait for the response to the probe. A successful response admits them as above, a throttling response closes
 * the gate again. If the probe ends without a response, the next request is the probe.
 *
 * The gate has no clock. Callers pass the time of the monotonic clock, in milliseconds.
 */
export class Gate {
  /** Time at which the gate opens or opened. */
  opensAt = 0
  /** Status of the response that closed the gate. */
  status = 429
  /** Number of times that the gate closed in a row. */
  consecutiveClosings = 0
  /** The fiber that admits waiting requests. It exists while a request waits. */
  admissionFiber: Fiber.RuntimeFiber<void> | "starting" | undefined
  /** The request that tests the server. Its response decides whether the gate stays open. */
  probe: GateRequest | undefined
  readonly #waiters = new Set<GateWaiter>()
  /** Whether a probe must succeed before other requests are admitted. */
  #needsProbe = false
  /** Start of the ramp. Undefined while the gate is closed or the probe has no response. */
  #openedAt: number | undefined
  /** Number of rejected requests, which the callers may send again. */
  #rejectedCount = 0
  #initialQuota = 0
  #admittedCount = 0
  /** Admissions per millisecond. */
  #rate = 0
  #credit = 0
  #lastAdvance = 0

  get size(): number {
    return this.#waiters.size
  }

  /** Whether the gate admits every request, so that it can be removed. */
  isIdle(now: number): boolean {
    if (this.#waiters.size > 0 || this.probe !== undefined) return false
    return this.#needsProbe ? now >= this.opensAt + probeRetentionMs : now >= (this.#openedAt ?? this.opensAt) + rampMs
  }

  isClosed(now: number): boolean {
    return now < this.opensAt
  }

  /** Whether removing the gate would lose a throttle that is still in effect. */
  mustBeRetained(now: number): boolean {
    return this.isClosed(now) || this.#needsProbe
  }

  /** Wait of a request that would be queued now, in milliseconds. It is an estimate once the ramp has started. */
  estimateWait(now: number): number {
    if (this.isClosed(now)) return this.opensAt - now
    if (this.#openedAt === undefined) return this.#needsProbe ? probeRetryHintMs : 1
    const isSpent = now - this.#openedAt <= initialPhaseMs && this.#admittedCount >= this.#initialQuota
    const untilTurn = (this.#waiters.size + 1 - this.#credit) / this.#rate
    return Math.max(1, untilTurn, isSpent ? this.#openedAt + initialPhaseMs - now : 0)
  }

  /**
   * Closes the gate until a given time. The gate never opens earlier than it would have before. Waiting requests
   * with a deadline at or before that time fail.
   *
   * @param needsProbe - whether the server asked for a longer wait than `until`.
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

  /** Admits a request if it does not have to wait. */
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

  /**
   * Called after a successful response. It admits one more request, or all waiting requests if the response was the
   * probe's.
   */
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

  /**
   * Called when a request has ended. Returns true if it was the probe and ended without a result; then the next request
   * is the probe.
   */
  onSendEnd(now: number, send: object): boolean {
    if (this.probe?.send !== send) return false
    this.probe = undefined
    this.admitDue(now)
    return true
  }

  /** Admits the requests that are due. Returns the milliseconds until the next call. */
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

  /** Fails requests after their deadline. Returns the milliseconds until the next deadline. */
  #expireWaiters(now: number): number {
    let next = this.probe?.until ?? Number.POSITIVE_INFINITY
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
    // The probe's fiber is lost, so its response will never arrive.
    if (this.probe !== undefined && now >= this.probe.until) this.probe = undefined
    if (this.isClosed(now) || this.#needsProbe) return
    if (this.#openedAt === undefined) return this.#open(now)
    const passed = now - this.#lastAdvance
    this.#lastAdvance = now
    if (now - this.#openedAt > initialPhaseMs) this.#rate = Math.max(this.#rate, this.#waiters.size / rampMs)
    // New requests may arrive faster than waiting ones are admitted. The rate doubles, so that no request waits
    // forever.
    if (now - this.#openedAt > rampMs) this.#rate = Math.min(this.#rate * 2 ** (passed / rampMs), maxRate)
    this.#credit = Math.min(this.#credit + this.#rate * passed, Math.max(1, this.#rate * initialPhaseMs))
  }

  #open(now: number): void {
    // Rejected requests may not be sent again. They count only if no request waits.
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
      this.probe = { send: request.send, until: request.until }
      return true
    }
    if (this.#openedAt === undefined || this.#credit < 1) return false
    if (now - this.#openedAt <= initialPhaseMs && this.#admittedCount >= this.#initialQuota) return false
    this.#admittedCount++
    this.#credit--
    return true
  }
}
