/**
 * A map with a maximum size. When it is full, it removes the entries with the lowest `retentionPriority`, the least
 * recently used first. It removes a sixteenth of its capacity at once, so that the cost per entry stays low.
 */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>()
  readonly #capacity: number
  readonly #retentionPriority: (value: V, now: number) => number

  /** @param retentionPriority - 0 for an entry that is not needed any more, small integers above 0 for the others. */
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

  /** Sets an entry and marks it as used. */
  set(key: string, value: V, now: number): void {
    if (!this.#entries.delete(key) && this.#entries.size >= this.#capacity) this.#evict(now)
    this.#entries.set(key, value)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  /** Removes unneeded entries, from the least recently used one on, up to the first that is still needed. */
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
