/** A deadline, at `at` milliseconds of the monotonic clock. */
export abstract class Entry {
  at = 0
  timer: ReturnType<typeof setTimeout> | undefined

  /** The time is over, and the timer is gone. */
  abstract strike(): void
}

/**
 * The deadlines of one duration. Each has a timer of its own: a timer that several requests share would end with the
 * request that set it, on a runtime that binds timers to requests.
 */
export class Deadlines {
  readonly #ms: number

  constructor(ms: number) {
    this.#ms = ms
  }

  add(entry: Entry): void {
    entry.at = performance.now() + this.#ms
    entry.timer = setTimeout(fire, this.#ms, this, entry)
  }

  /** Clears the timer of an entry, if it has one. */
  remove(entry: Entry): void {
    clearTimeout(entry.timer)
    entry.timer = undefined
  }
}

const fire = (deadlines: Deadlines, entry: Entry): void => {
  const left = entry.at - performance.now()
  if (left > 0) {
    // A timer may be early by a fraction.
    entry.timer = setTimeout(fire, Math.max(1, left), deadlines, entry)
    return
  }
  deadlines.remove(entry)
  entry.strike()
}
