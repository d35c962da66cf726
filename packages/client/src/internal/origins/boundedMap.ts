/**
 * A map of bounded size. When it is full it forgets those that `worth` says can be spared most, and of those the ones
 * that were not used for longest; a sixteenth at once, so that the search costs little for each.
 */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>()
  readonly #capacity: number
  readonly #retentionPriority: (value: V, now: number) => number

  /** @param retentionPriority - 0 for what is of no use any more, small whole numbers beyond. */
  constructor(capacity: number, retentionPriority: (value: V, now: number) => number) {
    this.#capacity = capacity
    this.#retentionPriority = retentionPriority
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)
  }

  /** Sets, or says that it was used. */
  set(key: string, value: V, now: number): void {
    if (!this.#entries.delete(key) && this.#entries.size >= this.#capacity) this.#evict(now)
    this.#entries.set(key, value)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  /** Forgets those at the old end that are of no use any more. */
  trim(now: number): void {
    for (const [key, value] of this.#entries) {
      if (this.#retentionPriority(value, now) > 0) return
      this.#entries.delete(key)
    }
  }

  #evict(now: number): void {
    const targetSize = Math.floor((this.#capacity * 15) / 16)
    for (let priority = 0; this.#entries.size > targetSize; priority++) {
      for (const [key, value] of this.#entries) {
        if (this.#entries.size > targetSize && this.#retentionPriority(value, now) <= priority)
          this.#entries.delete(key)
      }
    }
  }
}
