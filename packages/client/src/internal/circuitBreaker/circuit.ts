import type { FailureCounter } from "./service.js"

/**
 * Maximum `retryAfter` that is reported while a probe is in progress, in milliseconds. The result of the probe is
 * expected soon.
 */
const probeRetryHintMs = 1000

/** A request that tests the server. */
export interface Probe {
  /** Until when it is the probe, in milliseconds of the monotonic clock. After that its fiber is lost. */
  readonly until: number
}

/**
 * State machine of one origin's circuit. Closed, it counts failures. Open, it rejects requests until a given time.
 * Half-open, it admits one probe. It has no clock: callers pass the time of the monotonic clock, in milliseconds.
 */
export class Circuit {
  readonly origin: string
  counter: FailureCounter
  /** Incremented when the circuit opens or closes. Results of requests from an earlier generation are ignored. */
  generation = 0
  isClosed = true
  /** Whether the last request failed. */
  isFailing = false
  /** The probe that is in progress. */
  probe: Probe | undefined
  /** State of the recovery schedule. Undefined before its first step. */
  scheduleState: { readonly state: unknown } | undefined
  /** Length of the last open state, in milliseconds. When the schedule has ended, it stays the same. */
  #delayMs = 1000
  #openedAt = 0

  constructor(origin: string, counter: FailureCounter) {
    this.origin = origin
    this.counter = counter
  }

  get until(): number {
    return this.#openedAt + this.#delayMs
  }

  /** Counts the result of a request that started in `generation`. Returns true if the circuit must open. */
  record(generation: number, failed: boolean, now: () => number): boolean {
    if (generation !== this.generation) return false
    this.isFailing = failed
    return this.counter.record(failed, now)
  }

  /** Milliseconds until a probe may be sent. 0 if it may be sent now. */
  millisUntilProbe(now: number): number {
    if (this.probe !== undefined) return Math.max(1, Math.min(this.#delayMs, probeRetryHintMs))
    // Do not stay open longer if the clock was set back.
    return now < this.#openedAt ? 0 : Math.max(0, this.until - now)
  }

  /** Opens the circuit for the last delay, until {@link openFor} sets another one. */
  open(now: number): void {
    this.generation++
    this.isClosed = false
    this.#openedAt = now
  }

  /** Sets the length of the open state. */
  openFor(delayMs: number): void {
    this.#delayMs = delayMs
  }

  close(counter: FailureCounter): void {
    this.generation++
    this.isClosed = true
    this.isFailing = false
    this.scheduleState = undefined
    this.counter = counter
  }
}
