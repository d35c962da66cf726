import type { Holder } from "../call/permitOwner.js"
import type { FailureCounter } from "./service.js"

/** What is said about when to come back while a probe is under way, in milliseconds, at most: it will soon be known. */
const probeRetryHintMs = 1000

/**
 * The state of one origin. Closed, it counts failures; open, it lets nobody pass until an instant; then it is half-open
 * and has a place for one. Knows no clock: everybody who asks brings the time of the monotonic clock, in milliseconds.
 */
export class Circuit {
  readonly origin: string
  counter: FailureCounter
  /** Changes when it opens and when it closes: what was begun before says nothing about what is now. */
  generation = 0
  isClosed = true
  /** Whether the last exchange failed. */
  isFailing = false
  /** Who tries whether it is over. */
  probe: Holder | undefined
  /** What its schedule needs to go on; undefined while it has not begun. */
  scheduleState: { readonly state: unknown } | undefined
  /** For how long it was open the last time, in milliseconds: what a schedule that has ended said last. */
  #delayMs = 1000
  #openedAt = 0

  constructor(origin: string, counter: FailureCounter) {
    this.origin = origin
    this.counter = counter
  }

  get until(): number {
    return this.#openedAt + this.#delayMs
  }

  /** Counts an exchange that was begun in a generation; tells whether it was one failure too many. */
  record(generation: number, failed: boolean, now: () => number): boolean {
    if (generation !== this.generation) return false
    this.isFailing = failed
    return this.counter.record(failed, now)
  }

  /** In how many milliseconds a probe may be sent: 0 if now. */
  millisUntilProbe(now: number): number {
    if (this.probe !== undefined) return Math.max(1, Math.min(this.#delayMs, probeRetryHintMs))
    // A clock that was set back must not keep it open for as long.
    return now < this.#openedAt ? 0 : Math.max(0, this.until - now)
  }

  /** Opens, for as long as the last time, until {@link openFor} says for how long. */
  open(now: number): void {
    this.generation++
    this.isClosed = false
    this.#openedAt = now
  }

  /** Says for how long it is open. */
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
