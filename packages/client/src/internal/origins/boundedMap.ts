/**
 * A map of bounded size. When it is full it forgets those that `worth` says can be spared most, and of those the ones
 * that were not used for longest; a sixteenth at once, so that the search costs little for each.
 */
export class Recent<V> {
  readonly #entries = new Map<string, V>()
  readonly #capacity: number
  readonly #worth: (value: V, now: number) => number

  /** @param worth - 0 for what is of no use any more, small whole numbers beyond. */
  constructor(capacity: number, worth: (value: V, now: number) => number) {
    this.#capacity = capacity
    this.#worth = worth
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)
  }

  /** Sets, or says that it was used. */
  set(key: string, value: V, now: number): void {
    if (!this.#entries.delete(key) && this.#entries.size >= this.#capacity) this.#makeRoom(now)
    this.#entries.set(key, value)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  /** Forgets those at the old end that are of no use any more. */
  trim(now: number): void {
    for (const [key, value] of this.#entries) {
      if (this.#worth(value, now) > 0) return
      this.#entries.delete(key)
    }
  }

  #makeRoom(now: number): void {
    const enough = Math.floor((this.#capacity * 15) / 16)
    for (let spared = 0; this.#entries.size > enough; spared++) {
      for (const [key, value] of this.#entries) {
        if (this.#entries.size > enough && this.#worth(value, now) <= spared) this.#entries.delete(key)
      }
    }
  }
}
