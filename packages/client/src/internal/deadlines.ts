/** Somebody who is struck at `at`, in milliseconds of the monotonic clock; in a list, oldest first. */
export abstract class Entry {
  at = 0
  previous: Entry | undefined
  next: Entry | undefined

  /** Its time is over, and it is in no list any more. */
  abstract strike(): void
}

/**
 * The deadlines of one duration. They come in the order in which they pass, so one timer of the platform, for the
 * oldest, is enough for all: a timer of its own for each request is the dearest thing about a bound.
 */
export class Deadlines {
  readonly #ms: number
  #first: Entry | undefined
  #last: Entry | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  add(entry: Entry): void {
    entry.at = performance.now() + this.#ms
    const previous = this.#last
    entry.previous = previous
    this.#last = entry
    if (previous === undefined) this.#first = entry
    else previous.next = entry
    this.#timer ??= setTimeout(this.#strike, this.#ms)
  }

  /** Takes an entry out; nothing where that has been done. */
  remove(entry: Entry): void {
    const { next, previous } = entry
    if (previous === undefined && this.#first !== entry) return
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    entry.previous = undefined
    entry.next = undefined
    // With nobody left to strike, nothing should keep the process from ending.
    if (this.#first === undefined) this.#disarm()
  }

  #disarm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  readonly #strike = (): void => {
    this.#timer = undefined
    const now = performance.now()
    for (let entry = this.#first; entry !== undefined && entry.at <= now; entry = this.#first) {
      this.remove(entry)
      entry.strike()
    }
    // A timer may be early by a fraction; and those that were armed for are mostly gone by now.
    if (this.#first !== undefined) this.#timer ??= setTimeout(this.#strike, Math.max(1, this.#first.at - now))
  }
}
